func smooth(levels []float64, width int) []float64 {
	means := []float64{}
	total := 0.0
	for i, level := range levels {
		total += level
		if i >= width {
			total -= levels[i-width]
		}
		if i >= width-1 {
			means = append(means, total/float64(width))
		}
	}
	return means
}
