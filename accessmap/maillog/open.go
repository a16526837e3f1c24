package maillog

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// compression is a way logs are packed, known by how a file begins.
type compression struct {
	magic string
	open  func(io.Reader) (io.Reader, error)
}

func compressions() []compression {
	return []compression{
		{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"\x28\xb5\x2f\xfd", openZstd},
		{"\xfd7zXZ\x00", openXZ},
		{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
	}
}

// maxWindow bounds what unpacking keeps in memory: 64 MiB is what xz -9 asks for, and
// eight times zstd's default. A file that wants more is refused.
const maxWindow = 64 << 20

// Unpack gives a log as it was written, whichever way it is packed: gzip, zstd, xz
// and bzip2 are known by their first bytes. What is none of them comes as it is.
func Unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, bufferSize)
	start, err := in.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, c := range compressions() {
		if bytes.HasPrefix(start, []byte(c.magic)) {
			return c.open(in)
		}
	}
	return in, nil
}

// openZstd unpacks in this goroutine: nothing is left running where reading ends early.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
}

// openXZ looks at the dictionary that the first block asks for (xz file format 3.1 and
// 5.3.1): the library would allocate up to 4 GiB on a file's word.
func openXZ(r io.Reader) (io.Reader, error) {
	const streamHeader, blockHeader, lzma2 = 12, 24, 0x21
	in := bufio.NewReaderSize(r, bufferSize)
	if start, err := in.Peek(streamHeader + blockHeader); err == nil {
		block := start[streamHeader:]
		flags, rest := block[1], block[2:]
		for sizes := flags >> 6 & 3; sizes > 0; sizes &= sizes - 1 { // of the packed and the unpacked block
			_, n := binary.Uvarint(rest)
			rest = rest[max(n, 0):]
		}
		if flags&3 == 0 && len(rest) > 2 && rest[0] == lzma2 && dictionary(rest[2]) > maxWindow {
			return nil, fmt.Errorf("xz: unpacking it needs more than %d MiB of memory", maxWindow>>20)
		}
	}
	return xz.NewReader(in)
}

// dictionary is the size that the property byte of an LZMA2 filter stands for.
func dictionary(bits byte) uint64 {
	if bits >= 40 {
		return 1 << 32
	}
	return (2 | uint64(bits&1)) << (bits/2 + 11)
}
