package refusals

import "time"

// Total counts events, with the first and the last time.
type Total struct {
	Count uint32 `json:"count"`
	Since Stamp  `json:"since"`
	Until Stamp  `json:"until"`
}

// Add counts an event; a zero time is none.
func (t *Total) Add(at time.Time) {
	one := Total{Count: 1}
	if !at.IsZero() {
		one.Since, one.Until = Stamp(at.Unix()), Stamp(at.Unix())
	}
	t.Join(one)
}

// Join adds the events of other.
func (t *Total) Join(other Total) {
	t.Count += other.Count
	if other.Since != 0 && (t.Since == 0 || other.Since < t.Since) {
		t.Since = other.Since
	}
	t.Until = max(t.Until, other.Until)
}

// Stamp is a time in seconds since 1970; 0: no line had a time.
type Stamp int64

// MarshalJSON gives the time in UTC, or null.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if s == 0 {
		return []byte("null"), nil
	}
	return time.Unix(int64(s), 0).UTC().MarshalJSON()
}

// String gives the local date.
func (s Stamp) String() string { return s.Format(time.DateOnly) }

// Format gives the local time in a layout of package time; - if there is none.
func (s Stamp) Format(layout string) string {
	if s == 0 {
		return "-"
	}
	return time.Unix(int64(s), 0).Format(layout)
}

// Between gives the time from since to until, to the minute.
func Between(since, until Stamp) string {
	const minute = "2006-01-02 15:04"
	if until == 0 {
		return "at times not known"
	}
	return since.Format(minute) + " to " + until.Format(minute)
}
