package allowlist

// OneRange are bounds of a source that may have one range, which no configuration sets.
func OneRange() Bounds { return Bounds{ranges: 1} }
