import "sort"

func lastServed(minutes []int, visitors int) int64 {
	return int64(sort.Search(1000000*visitors, func(time int) bool {
		served := 0
		for _, each := range minutes {
			served += time / each
		}
		return served >= visitors
	}))
}
