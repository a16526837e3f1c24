package maillog

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// FuzzUnpack compresses a text in every format and expects the same text back. It also unpacks the text itself, and expects
// the same result as from the standard library's gzip if that reads it.
func FuzzUnpack(f *testing.F) {
	packers := map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"zstd": func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstd.MinWindowSize))
		},
		"xz": func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 4096}.NewWriter(w) },
	}
	pack := func(tb testing.TB, way string, text []byte) []byte {
		var packed bytes.Buffer
		w, err := packers[way](&packed)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			tb.Fatal(err)
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		return packed.Bytes()
	}
	for way := range packers {
		f.Add(pack(f, way, []byte("Apr 30 10:31:02 mx1 sendmail[1]: x\n")))
	}
	f.Add([]byte("BZh91AY&SY"))
	const most = 1 << 20 // bytes, because the output may be endless
	f.Fuzz(func(t *testing.T, text []byte) {
		unpack := func(packed []byte) ([]byte, error) {
			r, err := Unpack(bytes.NewReader(packed))
			if err != nil {
				return nil, err
			}
			return io.ReadAll(io.LimitReader(r, most))
		}
		for way := range packers {
			if got, err := unpack(pack(t, way, text)); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%s: %v", way, err)
			}
		}
		got, err := unpack(text)
		r, plainErr := gzip.NewReader(bytes.NewReader(text))
		if plainErr != nil {
			return
		}
		want, plainErr := io.ReadAll(io.LimitReader(r, most))
		if (err == nil) != (plainErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v; the standard library %d bytes, %v", len(got), err, len(want), plainErr)
		}
	})
}
