func deepestWater(caves *TreeNode) int {
	litres := 0
	level := []*TreeNode{caves}
	for len(level) > 0 {
		below, sum, found := []*TreeNode{}, 0, false
		for _, cave := range level {
			if cave != nil {
				found = true
				sum += cave.Val
				below = append(below, cave.Left, cave.Right)
			}
		}
		if found {
			litres = sum
		}
		level = below
	}
	return litres
}
