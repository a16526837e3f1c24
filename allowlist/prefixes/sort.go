package prefixes

import (
	"math/bits"
	"slices"
)

// Sorted gives a sorted copy: IPv4 first, then by address, the wider network first,
// then by label.
func (l List) Sorted() List {
	return List{
		sorted(l.v4, slices.Sort[[]narrow]),
		sorted(l.v6, func(some []block) { slices.SortFunc(some, block.compare) }),
	}
}

const (
	// longList is the length from which on buckets pay: a shorter list is sorted in
	// less time than they take.
	longList = 1 << 9
	// inBucket is the number of networks for which a list has a bucket.
	inBucket = 4
	// mostBuckets bounds the buckets, as a power of two: more are slow, because the
	// processor's caches do not hold the ends of all.
	mostBuckets = 16
)

func sorted[T stored](list []T, sort func([]T)) []T {
	to, spare := make([]T, len(list)), []T(nil)
	arrange(to, list, &spare, sort)
	return to
}

// arrange copies the networks of from in order. It puts those of a long list into
// buckets by the first bits in which they differ, and sorts each bucket: a crowded
// one in the same way, because many lists are networks of a few registries. spare
// holds such a bucket meanwhile; one is enough, because from is not read any more
// when the buckets are full.
func arrange[T stored](to, from []T, spare *[]T, sort func([]T)) {
	same := commonBits(from)
	if len(from) < longList || same == 128 {
		copy(to, from)
		sort(to)
		return
	}
	width := min(bits.Len(uint(len(from)/inBucket)), mostBuckets)
	ends := make([]uint32, 1<<width+1) // of each bucket, once it is full
	for _, item := range from {
		ends[1+item.order().after(same)>>(64-width)]++
	}
	for i := range ends[1:] {
		ends[i+1] += ends[i]
	}
	for _, item := range from {
		end := &ends[item.order().after(same)>>(64-width)]
		to[*end] = item
		*end++
	}
	begin := uint32(0)
	for _, end := range ends {
		switch bucket := to[begin:end]; {
		case len(bucket) >= longList:
			*spare = append((*spare)[:0], bucket...)
			arrange(bucket, *spare, spare, sort)
		case len(bucket) > 1:
			sort(bucket)
		}
		begin = end
	}
}

// commonBits gives the number of leading bits that all networks have in common, of
// those that order gives; 128: all.
func commonBits[T stored](list []T) int {
	var differ address
	for _, item := range list {
		first, other := list[0].order(), item.order()
		differ.hi |= first.hi ^ other.hi
		differ.lo |= first.lo ^ other.lo
	}
	return address{}.common(differ)
}

// after gives the 64 bits after the first n.
func (a address) after(n int) uint64 {
	if n < 64 {
		return a.hi<<n | a.lo>>(64-n)
	}
	return a.lo << (n - 64)
}
