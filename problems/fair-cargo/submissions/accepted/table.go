func canShare(crates []int) bool {
	total := 0
	for _, crate := range crates {
		total += crate
	}
	can := make([]bool, total+1)
	can[0] = true
	for _, crate := range crates {
		for sum := total; sum >= crate; sum-- {
			can[sum] = can[sum] || can[sum-crate]
		}
	}
	return total%2 == 0 && can[total/2]
}
