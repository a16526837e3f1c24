package makemap

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"sort"

	"mailallow/allowlist/ascii"
)

const (
	// dbPage is the size of a page in bytes, that of a file system block.
	dbPage = 4096
	// dbPair is the overhead of a pair in a page, in bytes: one for the type and two for the offset of key and of value.
	dbPair = 6

	// ownCache is the cache that Berkeley DB takes by itself, in bytes (docs/facts.md 5).
	ownCache = 1 << 20
	// perCrowd times the length of a group's lines is enough for its pages, which are half full at worst, and for those of its
	// neighbours.
	perCrowd = 4
	// maxCache bounds the cache, in bytes.
	maxCache = 256 << 20
)

// hashedLine is where the line of an entry begins, and the hash of its key.
type hashedLine struct{ at, hash uint32 }

// byPage puts lines into the order in which Berkeley DB's linear hashing loads them fastest, and gives the ends of the groups
// that share a page. size is that of all pairs in the pages.
//
// The hash table has 2^n to 2^(n+1) buckets, a page each. The bucket of a key is the lowest n bits of its hash, and one bit
// more for a bucket that is split already. In the order of these n bits the keys fill one bucket after another: each page
// is in the cache as long as it is needed, and the buckets fill evenly, so that the splits, which take the buckets in turn,
// come in time. In another order the keys go to pages all over a table that is larger than the cache, and every page is
// written and read again many times (docs/facts.md 5). The lines of one group keep the order of the text, which is nearly that
// of the keys: so most go to the end of their page, where the keys are sorted.
//
// The order follows the inside of Debian's libdb and affects only the speed: a library with another hash makes the same map,
// as slowly as from keys in any order.
func byPage(lines []hashedLine, size int) (sorted []hashedLine, ends []int) {
	buckets := 1 << max(0, bits.Len(uint(size/dbPage))-1)
	mask := uint32(buckets - 1)
	ends = make([]int, buckets+1)
	for _, l := range lines {
		ends[l.hash&mask+1]++
	}
	for b := range buckets {
		ends[b+1] += ends[b]
	}
	sorted = make([]hashedLine, len(lines))
	for _, l := range lines {
		next := &ends[l.hash&mask]
		sorted[*next] = l
		*next++
	}
	return sorted, ends[:buckets]
}

// cacheFor gives the size of the cache that makemap needs for the lines of byPage, in bytes; 0: its own is enough. Whoever
// chooses the keys, such as the publisher of a list, can have all of them in one bucket. Its pages are a chain, and makemap
// goes through it for each key: if they are more than the cache holds, it reads all of them again each time.
func cacheFor(text []byte, lines []hashedLine, ends []int) int {
	most, from := 0, 0
	for _, to := range ends {
		if group := lines[from:to]; len(group) > ownCache/2/MaxLine { // others are small, however long their lines are
			size := 0
			for _, l := range group {
				size += 1 + max(0, bytes.IndexByte(text[l.at:], '\n'))
			}
			most = max(most, size)
		}
		from = to
	}
	if most <= ownCache/2 {
		return 0
	}
	return perCrowd * min(most, maxCache/perCrowd)
}

// repeatedKeys maps the beginning of each line that repeats a key to that of the first line with the key. Equal keys are in
// one group.
func repeatedKeys(text []byte, lines []hashedLine, ends []int) (repeated map[int]int) {
	half, from := len(ends)/2, 0
	if half > 0 {
		from = ends[half-1]
	}
	var more map[int]int
	both(func() { more = repeatedWithin(text, lines, 0, ends[:half]) }, func() { repeated = repeatedWithin(text, lines, from, ends[half:]) })
	for again, first := range more {
		repeated[again] = first
	}
	return repeated
}

// repeatedWithin is that of the groups from a line on.
func repeatedWithin(text []byte, lines []hashedLine, from int, ends []int) map[int]int {
	repeated := map[int]int{}
	keyAt := func(line uint64) []byte {
		rest := text[uint32(line):]
		return rest[:slices.IndexFunc(rest, ascii.IsSpace)]
	}
	var group []uint64 // the hash, then where the line begins
	for _, to := range ends {
		group = group[:0]
		for _, l := range lines[from:to] {
			group = append(group, uint64(l.hash)<<32|uint64(l.at))
		}
		from = to
		slices.Sort(group)
		for len(group) > 0 {
			same := 1
			for same < len(group) && group[same]>>32 == group[0]>>32 {
				same++
			}
			if same > 1 {
				repeatedAmong(group[:same], keyAt, repeated)
			}
			group = group[same:]
		}
	}
	return repeated
}

// repeatedAmong finds equal keys among lines with one hash. It sorts them, so that chosen keys with one hash do not make it slow.
func repeatedAmong(lines []uint64, keyAt func(line uint64) []byte, repeated map[int]int) {
	sort.Slice(lines, func(i, j int) bool {
		a, b := lines[i], lines[j]
		return cmp.Or(compareKeys(keyAt(a), keyAt(b)), cmp.Compare(a, b)) < 0
	})
	first := lines[0]
	for _, line := range lines[1:] {
		if compareKeys(keyAt(first), keyAt(line)) == 0 {
			repeated[int(uint32(line))] = int(uint32(first))
		} else {
			first = line
		}
	}
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

// dbHash is Berkeley DB's default hash function, since version 5 of its hash: that of Fowler, Noll and Vo, beginning with 0
// (__ham_func5 in libdb 5.3), of a key in lower case.
func dbHash(key []byte) (hash uint32) {
	for _, c := range key {
		hash = hash*16777619 ^ uint32(ascii.LowerByte(c))
	}
	return hash
}
