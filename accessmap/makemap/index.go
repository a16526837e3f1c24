package makemap

import (
	"cmp"
	"math/bits"
	"slices"

	"mailallow/allowlist/ascii"
)

// keyIndex finds entries by key, and holds the order in which Berkeley DB's linear hashing loads them fastest. The order
// follows the inside of Debian's libdb and affects only the speed: a library with another hash makes the same map, as slowly
// as from keys in any order.
//
// The hash table has 2^n to 2^(n+1) buckets, a page each. The bucket of a key is the lowest n bits of its hash, and one bit
// more for a bucket that is split already. In the order of these n bits the keys fill one bucket after another: each page
// is in the cache as long as it is needed, and the buckets fill evenly, so that the splits, which take the buckets in turn,
// come in time. In another order the keys go to pages all over a table that is larger than the cache, and every page is
// written and read again many times (docs/facts.md 5).
type keyIndex struct {
	entries
	pages int     // n above
	more  int     // further bits of the hash, after those n
	from  []int32 // index in order of the first entry of each bucket of n + more bits; then len(order)
	order []int32 // numbers of entries by bucket, then by key, then by number
}

const (
	// dbPage is the size of a page in bytes, that of a file system block.
	dbPage = 4096
	// dbPair is the overhead of a pair in a page, in bytes: one for the type and two for the offset of key and of value.
	dbPair = 6
)

func newKeyIndex(e entries) keyIndex {
	size := 0
	for _, p := range e.places {
		size += int(p.key) + int(p.value) + dbPair
	}
	x := keyIndex{entries: e, order: make([]int32, len(e.places))}
	x.pages = max(0, bits.Len(uint(size/dbPage))-1)
	x.more = max(0, bits.Len(uint(len(e.places)))-x.pages) // one or two entries a bucket
	x.from = make([]int32, 1<<(x.pages+x.more)+1)
	buckets := make([]int32, len(e.places))
	for i := range e.places {
		buckets[i] = x.bucketOf(e.key(i))
		x.from[buckets[i]+1]++
	}
	for b := range len(x.from) - 1 {
		x.from[b+1] += x.from[b]
	}
	for i, b := range buckets {
		x.order[x.from[b]] = int32(i)
		x.from[b]++
	}
	copy(x.from[1:], x.from) // each is the end of its bucket now
	x.from[0] = 0
	for b := range len(x.from) - 1 {
		if bucket := x.order[x.from[b]:x.from[b+1]]; len(bucket) > 1 {
			slices.SortFunc(bucket, func(a, b int32) int {
				return cmp.Or(compareKeys(e.key(int(a)), e.key(int(b))), cmp.Compare(a, b))
			})
		}
	}
	return x
}

func (x keyIndex) bucketOf(key []byte) int32 {
	hash := dbHash(key)
	return int32(hash&(1<<x.pages-1)<<x.more | hash>>x.pages&(1<<x.more-1))
}

// compareKeys compares keys as makemap stores them, in lower case.
func compareKeys(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(ascii.LowerByte(a[i]), ascii.LowerByte(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// find returns the number of the entry that makemap stores with that key, or -1. It stores none with capitals. It is a binary search in the bucket, so that chosen keys with
// one hash do not make it slow.
func (x keyIndex) find(key []byte) int {
	for _, c := range key {
		if c != ascii.LowerByte(c) {
			return -1
		}
	}
	b := x.bucketOf(key)
	lo, hi := x.from[b], x.from[b+1]
	for lo < hi {
		middle := (lo + hi) / 2
		if compareKeys(x.key(int(x.order[middle])), key) < 0 {
			lo = middle + 1
		} else {
			hi = middle
		}
	}
	if lo < x.from[b+1] && compareKeys(x.key(int(x.order[lo])), key) == 0 {
		return int(x.order[lo])
	}
	return -1
}

// duplicates maps the number of each entry whose key an earlier entry has to the number of the first such entry.
func (x keyIndex) duplicates() map[int]int {
	duplicates := map[int]int{}
	for i := 1; i < len(x.order); i++ { // equal keys are in one bucket, side by side
		first, second := int(x.order[i-1]), int(x.order[i])
		if compareKeys(x.key(first), x.key(second)) != 0 {
			continue
		}
		if earlier, ok := duplicates[first]; ok {
			first = earlier
		}
		duplicates[second] = first
	}
	return duplicates
}

// dbHash is Berkeley DB's default hash function, since version 5 of its hash: that of Fowler, Noll and Vo, beginning with 0
// (__ham_func5 in libdb 5.3), of a key in lower case.
func dbHash(key []byte) (hash uint32) {
	for _, c := range key {
		hash = hash*16777619 ^ uint32(ascii.LowerByte(c))
	}
	return hash
}
