package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A segment is a line with its version, then a frame for each entry: the length of what is compressed (4 bytes), the time (8
// bytes, seconds since 1970), the SHA-256 of the time and what is compressed, and the payload, compressed by zstd. An entry
// without a command is the whole list as it was before the next one.
const (
	magic   = "mailallow history "
	version = 1

	timeBytes = 8
	headBytes = 4 + timeBytes + sha256.Size
)

// frame is an entry in a segment. Its checksum is checked when it is unpacked.
type frame struct {
	at     time.Time
	packed []byte
	digest []byte
	err    error // its end is missing
}

func versionLine() string { return magic + strconv.Itoa(version) + "\n" }

// frames divides a segment. The error says that nothing of it can be read.
func frames(segment []byte) (all []frame, err error) {
	line, rest, found := bytes.Cut(segment, []byte("\n"))
	number, named := strings.CutPrefix(string(line), magic)
	v, err := strconv.Atoi(number)
	switch {
	case !found || !named || err != nil:
		return nil, errors.New("it is damaged: it does not begin as a history does")
	case v != version:
		return nil, fmt.Errorf("version %d, and this mailallow reads version %d", v, version)
	}
	for len(rest) > 0 {
		cut := frame{err: errors.New("it is damaged: its end is missing")}
		if len(rest) < headBytes {
			return append(all, cut), nil
		}
		length := binary.BigEndian.Uint32(rest)
		if uint64(length) > uint64(len(rest)-headBytes) {
			return append(all, cut), nil
		}
		all = append(all, frame{
			at:     time.Unix(int64(binary.BigEndian.Uint64(rest[4:])), 0).UTC(),
			digest: rest[4+timeBytes : headBytes],
			packed: rest[headBytes : headBytes+length],
		})
		rest = rest[headBytes+length:]
	}
	return all, nil
}

func digestOf(at time.Time, packed []byte) []byte {
	h := sha256.New()
	h.Write(seconds(at))
	h.Write(packed)
	return h.Sum(nil)
}

func seconds(at time.Time) []byte { return binary.BigEndian.AppendUint64(nil, uint64(at.Unix())) }

// window is how far back the compression looks, in bytes. What is alike in a payload is close together, and it keeps more than a window
// in memory.
const window = 256 << 10

// newPacker makes what compresses payloads.
func newPacker() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(window))
}

// packed gives a segment with more entries, which it compresses when the bytes are asked for, or at once if they could be too many.
func packed(segment []byte, entries []Entry) (pack func() []byte, err error) {
	packer, err := newPacker()
	if err != nil {
		return nil, err
	}
	payloads := make([][]byte, len(entries))
	most := len(segment)
	for i, e := range entries {
		if payloads[i], err = encode(e); err != nil {
			return nil, err
		}
		if len(payloads[i]) > maxPayload {
			return nil, ErrTooLong
		}
		most += headBytes + packer.MaxEncodedSize(len(payloads[i]))
	}
	pack = sync.OnceValue(func() []byte {
		segment := segment
		for i, payload := range payloads {
			segment = appendFrame(packer, segment, entries[i].Time, payload)
		}
		payloads = nil
		return segment
	})
	if most > MaxSegment && len(pack()) > MaxSegment {
		return nil, ErrTooLong
	}
	return pack, nil
}

// appendFrame writes the payload of an entry behind a segment.
func appendFrame(packer *zstd.Encoder, segment []byte, at time.Time, payload []byte) []byte {
	head := len(segment)
	segment = slices.Grow(segment, headBytes+len(payload))[:head+headBytes] // networks at random are no shorter when they are packed
	segment = packer.EncodeAll(payload, segment)
	packed := segment[head+headBytes:]
	binary.BigEndian.PutUint32(segment[head:], uint32(len(packed)))
	copy(segment[head+4:], seconds(at))
	copy(segment[head+4+timeBytes:], digestOf(at, packed))
	return segment
}

// unpacker decodes frames, one at a time: an entry is valid until the next one is unpacked.
type unpacker struct {
	zstd   func() (*zstd.Decoder, error)
	buffer []byte
}

func newUnpacker() *unpacker {
	return &unpacker{zstd: sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPayload))
	})}
}

func (u *unpacker) unpack(f frame) (*decoded, error) {
	if f.err != nil {
		return nil, f.err
	}
	if !bytes.Equal(digestOf(f.at, f.packed), f.digest) {
		return nil, errors.New("it is damaged: its checksum is another")
	}
	unpacker, err := u.zstd()
	if err == nil {
		u.buffer, err = unpacker.DecodeAll(f.packed, u.buffer[:0])
	}
	var d *decoded
	if err == nil {
		d, err = decode(u.buffer)
	}
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	d.Time = f.at
	return d, nil
}
