package makemap

import (
	"cmp"
	"math/bits"
	"slices"
)

// keyIndex finds entries by key, and is the order in which Berkeley DB's linear hashing takes them fastest. That order
// rests on how Debian's libdb works inside and is a matter of speed alone: a library that hashes otherwise makes the same
// map, in the time it takes for keys in any order.
//
// A table of 2^n to 2^(n+1) buckets, of a page each, takes the lowest n bits of a key's hash, and one bit more where a
// bucket is split already. In the order of those n bits the buckets are filled one after the other, so that each page is
// in the cache as long as it is needed, and evenly, so that the splits, which go round, come where they are due. Keys as
// they come go to pages all over a table that soon outgrows the cache, and every page is written and read again many
// times (docs/facts.md 5).
type keyIndex struct {
	entries []Entry
	pages   int     // n above
	more    int     // further bits of the hash, behind those
	from    []int32 // where in order a bucket of n + more bits begins; one more at the end
	order   []int32 // entries by bucket; those of one bucket by key, and of one key as they come
}

const (
	// dbPage is the size of a page in bytes: that of a block of the file system.
	dbPage = 4096
	// dbPair is what a pair takes in a page beside its key and value: a byte of type and two of offset for each.
	dbPair = 6
)

func newKeyIndex(entries []Entry) keyIndex {
	size := 0
	for _, e := range entries {
		size += len(e.Key) + len(e.Value) + dbPair
	}
	x := keyIndex{entries: entries, order: make([]int32, len(entries))}
	x.pages = max(0, bits.Len(uint(size/dbPage))-1)
	x.more = max(0, bits.Len(uint(len(entries)))-x.pages) // one or two entries a bucket
	x.from = make([]int32, 1<<(x.pages+x.more)+1)
	buckets := make([]int32, len(entries))
	for i, e := range entries {
		buckets[i] = bucketOf(x, e.Key)
		x.from[buckets[i]+1]++
	}
	for b := range len(x.from) - 1 {
		x.from[b+1] += x.from[b]
	}
	for i, b := range buckets {
		x.order[x.from[b]] = int32(i)
		x.from[b]++
	}
	copy(x.from[1:], x.from) // each has become where it ends
	x.from[0] = 0
	for b := range len(x.from) - 1 {
		if bucket := x.order[x.from[b]:x.from[b+1]]; len(bucket) > 1 {
			slices.SortFunc(bucket, x.compare)
		}
	}
	return x
}

func bucketOf[T string | []byte](x keyIndex, key T) int32 {
	hash := dbHash(key)
	return int32(hash&(1<<x.pages-1)<<x.more | hash>>x.pages&(1<<x.more-1))
}

func (x keyIndex) compare(a, b int32) int {
	return cmp.Or(cmp.Compare(x.entries[a].Key, x.entries[b].Key), cmp.Compare(a, b))
}

// find gives the number of the entry with that key, or -1. It takes the logarithm of their number even where somebody
// has chosen keys of one hash.
func (x keyIndex) find(key []byte) int {
	b := bucketOf(x, key)
	lo, hi := x.from[b], x.from[b+1]
	for lo < hi {
		middle := (lo + hi) / 2
		if x.entries[x.order[middle]].Key < string(key) {
			lo = middle + 1
		} else {
			hi = middle
		}
	}
	if lo < x.from[b+1] && x.entries[x.order[lo]].Key == string(key) {
		return int(x.order[lo])
	}
	return -1
}

// twice gives the entries whose key stands there before, each with the first of that key.
func (x keyIndex) twice() map[int]int {
	twice := map[int]int{}
	for i := 1; i < len(x.order); i++ { // equal keys are in one bucket
		before, is := int(x.order[i-1]), int(x.order[i])
		if x.entries[before].Key != x.entries[is].Key {
			continue
		}
		if first, known := twice[before]; known {
			before = first
		}
		twice[is] = before
	}
	return twice
}

// byKey is the order for a btree.
func (x keyIndex) byKey() []int32 {
	order := make([]int32, len(x.entries))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, x.compare)
	return order
}

// dbHash is what Berkeley DB hashes a key with unless told otherwise, since version 5 of its hash: the function of
// Fowler, Noll and Vo with 0 to begin with (__ham_func5 in libdb 5.3).
func dbHash[T string | []byte](key T) (hash uint32) {
	for i := range len(key) {
		hash = hash*16777619 ^ uint32(key[i])
	}
	return hash
}
