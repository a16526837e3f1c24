package guard

import (
	"math/big"
	"testing"
)

func TestAddressCount(t *testing.T) {
	for _, row := range []struct {
		n    *big.Int
		want string
	}{
		{big.NewInt(0), "0"}, {big.NewInt(999), "999"}, {big.NewInt(1000), "1,000"}, {big.NewInt(458752), "458,752"}, {power(32), "4,294,967,296"},
		{new(big.Int).Sub(power(48), big.NewInt(1)), "281,474,976,710,655"}, {power(48), "2^48"}, {power(80), "2^80"}, {power(128), "2^128"}, {new(big.Int).Mul(big.NewInt(6), power(72)), "about 2^74.6"},
		{new(big.Int).Add(power(96), big.NewInt(1)), "about 2^96"}, {new(big.Int).Sub(power(96), big.NewInt(1)), "about 2^96"},
	} {
		if got := addressCount(row.n); got != row.want {
			t.Errorf("%v: %s, want %s", row.n, got, row.want)
		}
	}
	for _, row := range []struct {
		part, of int64
		want     string
	}{{1, 3, "34%"}, {3, 10, "30%"}, {301, 1000, "31%"}, {200, 1, "over 10,000%"}, {100, 1, "10,000%"}, {12, 1, "1,200%"}} {
		if got := (difference{part: big.NewInt(row.part), of: big.NewInt(row.of)}).percent(); got != row.want {
			t.Errorf("%d of %d: %s, want %s", row.part, row.of, got, row.want)
		}
	}
}
