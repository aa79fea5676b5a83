package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Split(bufio.ScanWords)
	next := func() int {
		in.Scan()
		value := 0
		for _, digit := range in.Bytes() {
			value = value*10 + int(digit-'0')
		}
		return value
	}
	n, k := next(), next()
	seen := map[int]int{0: 1}
	ways, rest := 0, 0
	for i := 0; i < n; i++ {
		rest = (rest + next()) % k
		ways += seen[rest]
		seen[rest]++
	}
	fmt.Println(ways)
}
