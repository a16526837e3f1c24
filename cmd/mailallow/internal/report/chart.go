package report

import (
	"strconv"
	"strings"
	"time"
)

// The box of a chart, in units of its own: the page stretches it to the width of the window.
const (
	chartWidth  = 600
	chartHeight = 60
)

// timeAxis places times between two in a chart.
type timeAxis struct{ from, until time.Time }

func (a timeAxis) x(at time.Time) float64 {
	whole := a.until.Sub(a.from)
	if whole <= 0 {
		return chartWidth
	}
	return min(max(float64(at.Sub(a.from))/float64(whole), 0), 1) * chartWidth
}

// line draws steps from point to point, up to the end of the axis. Of the points in two units it draws the least, the greatest
// and the last, so that a year of hours is no longer than the chart is wide.
func (a timeAxis) line(points []point, most uint64) string {
	var b strings.Builder
	y := func(size uint64) int {
		return chartHeight - 2 - int(float64(size)/float64(max(most, 1))*(chartHeight-4))
	}
	step := func(at time.Time) int { return int(a.x(at)) / 2 * 2 }
	for i := 0; i < len(points); {
		x := step(points[i].at)
		least, greatest, last := points[i].size, points[i].size, points[i].size
		for ; i < len(points) && step(points[i].at) == x; i++ {
			last = points[i].size
			least, greatest = min(least, last), max(greatest, last)
		}
		if b.Len() == 0 {
			b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y(greatest)))
		} else {
			b.WriteString("H" + strconv.Itoa(x))
		}
		if least != greatest {
			b.WriteString("V" + strconv.Itoa(y(greatest)) + "V" + strconv.Itoa(y(least)))
		}
		b.WriteString("V" + strconv.Itoa(y(last)))
	}
	if b.Len() > 0 {
		b.WriteString("H" + strconv.Itoa(chartWidth))
	}
	return b.String()
}

// bars draws a bar for each number, the highest as high as the chart.
func bars(numbers []uint32) string {
	var most uint32
	for _, n := range numbers {
		most = max(most, n)
	}
	var b strings.Builder
	width := float64(chartWidth) / float64(max(len(numbers), 1))
	for i, n := range numbers {
		if n == 0 {
			continue
		}
		height := max(2, float64(n)/float64(most)*(chartHeight-2))
		left, thick := float64(i)*width, max(width*0.8, 0.6)
		for _, part := range []struct {
			sign   string
			number float64
		}{{"M", left}, {" ", chartHeight}, {"v", -height}, {"h", thick}, {"v", height}} {
			b.WriteString(part.sign + strconv.FormatFloat(part.number, 'f', 1, 64))
		}
		b.WriteByte('z')
	}
	return b.String()
}
