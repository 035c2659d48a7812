// go-oidc as a program: go-oidc ISSUER AUDIENCE CA_FILE MAX_AGE_SECONDS
// Reads {"id", "token"} a line, answers {"id"} with "subject" or "refused" or "failed".
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

type question struct {
	ID    int    `json:"id"`
	Token string `json:"token"`
}

type answer struct {
	ID        int     `json:"id"`
	Subject   string  `json:"subject,omitempty"`
	CopyAgeMs float64 `json:"copyAgeMs,omitempty"`
	Refused   string  `json:"refused,omitempty"`
	Failed    string  `json:"failed,omitempty"`
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(issuer, audience, caFile, maxAge string) error {
	seconds, err := strconv.Atoi(maxAge)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	copies := &copies{
		maxAge:   time.Duration(seconds) * time.Second,
		next:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		subjects: map[string]string{},
	}
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 5 * time.Second, Transport: copies})
	provider, err := discover(ctx, issuer)
	if err != nil {
		return err
	}
	verifier := provider.Verifier(&oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: []string{"ES256", "ES384", "RS256", "PS256", "EdDSA"},
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if err := output.Encode(judge(ctx, verifier, copies, asked)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// discover tries for a while, as a service does that is started on a busy machine.
func discover(ctx context.Context, issuer string) (provider *oidc.Provider, err error) {
	for attempt := 0; attempt < 5; attempt++ {
		if provider, err = oidc.NewProvider(ctx, issuer); err == nil {
			break
		}
		fmt.Fprintln(os.Stderr, err)
		time.Sleep(time.Second)
	}
	return provider, err
}

func judge(ctx context.Context, verifier *oidc.IDTokenVerifier, copies *copies, asked question) answer {
	token, err := verifier.Verify(ctx, asked.Token)
	if err != nil {
		if strings.Contains(err.Error(), "fetching keys") {
			return answer{ID: asked.ID, Failed: err.Error()}
		}
		return answer{ID: asked.ID, Refused: err.Error()}
	}
	subject, age := copies.about(kidOf(asked.Token))
	if subject != token.Subject {
		return answer{ID: asked.ID, Refused: "this key may not sign for this subject"}
	}
	return answer{ID: asked.ID, Subject: token.Subject, CopyAgeMs: float64(age.Milliseconds())}
}

func kidOf(token string) string {
	encoded, _, _ := strings.Cut(token, ".")
	var header struct{ Kid string }
	if decoded, err := base64.RawURLEncoding.DecodeString(encoded); err == nil {
		_ = json.Unmarshal(decoded, &header)
	}
	return header.Kid
}

// copies answers for the JWK Set with what it has fetched before, until that is too old, as a cache on the way does.
// It remembers the subject of each key, since go-oidc does not hand out members of a JWK.
type copies struct {
	maxAge time.Duration
	next   http.RoundTripper

	mu        sync.Mutex
	body      []byte
	fetchedAt time.Time
	subjects  map[string]string
}

func (c *copies) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(request.URL.Path, "/jwks.json") {
		return c.next.RoundTrip(request)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.body == nil || time.Since(c.fetchedAt) >= c.maxAge {
		if err := c.fetch(request); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Status:     "200 OK",
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{"Content-Type": {"application/jwk-set+json"}},
		Body:       io.NopCloser(bytes.NewReader(c.body)),
		Request:    request,
	}, nil
}

func (c *copies) fetch(request *http.Request) error {
	askedAt := time.Now()
	response, err := c.next.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the JWK Set: %s", response.Status)
	}
	var set struct{ Keys []struct{ Kid, Sub string } }
	if err := json.Unmarshal(body, &set); err != nil {
		return err
	}
	for _, key := range set.Keys {
		c.subjects[key.Kid] = key.Sub
	}
	c.body, c.fetchedAt = body, askedAt
	return nil
}

// about gives the subject of a key, and how old the copy is that was fetched last.
func (c *copies) about(kid string) (string, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subjects[kid], time.Since(c.fetchedAt)
}
