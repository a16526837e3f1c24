package maillog

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// unpackers decompress logs, by the first bytes of the file.
var unpackers = [...]struct {
	magic string
	open  func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"\x28\xb5\x2f\xfd", openZstd},
	{"\xfd7zXZ\x00", openXZ},
	{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// maxWindow bounds the memory of a decompressor, in bytes: xz -9 needs 64 MiB, and zstd's default an eighth of it. A file that
// needs more is an error.
const maxWindow = 64 << 20

// Unpack decompresses a log. It knows gzip, zstd, xz and bzip2 by their first bytes, and returns any other file unchanged. A
// file that needs more than 64 MiB of memory is an error.
func Unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, bufferSize)
	start, err := in.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, u := range unpackers {
		if bytes.HasPrefix(start, []byte(u.magic)) {
			return u.open(in)
		}
	}
	return in, nil
}

// openZstd decompresses in the goroutine of the caller, so that none stays behind if reading ends early.
func openZstd(r io.Reader) (io.Reader, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
}

// openXZ checks the size of the dictionary in the first block header (The .xz File Format, 3.1 and 5.3.1), because the library
// would allocate up to 4 GiB for it.
func openXZ(r io.Reader) (io.Reader, error) {
	const streamHeader, blockHeader, lzma2 = 12, 24, 0x21
	in := bufio.NewReaderSize(r, bufferSize)
	if start, err := in.Peek(streamHeader + blockHeader); err == nil {
		block := start[streamHeader:]
		flags, rest := block[1], block[2:]
		for sizes := flags >> 6 & 3; sizes > 0; sizes &= sizes - 1 { // of the compressed and the uncompressed block
			_, n := binary.Uvarint(rest)
			rest = rest[max(n, 0):]
		}
		if flags&3 == 0 && len(rest) > 2 && rest[0] == lzma2 {
			if size, err := lzma.DecodeDictCap(rest[2]); err == nil && size > maxWindow {
				return nil, fmt.Errorf("xz: decompression needs more than %d MiB of memory", maxWindow>>20)
			}
		}
	}
	return xz.NewReader(in)
}
