// Verifies a Signet token with go-oidc: go run . ISSUER AUDIENCE CA_FILE < token
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer, audience, caFile := os.Args[1], os.Args[2], os.Args[3]
	subject, err := verify(issuer, audience, caFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println(subject)
}

func verify(issuer, audience, caFile string) (string, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	raw, err := io.ReadAll(io.LimitReader(os.Stdin, 16<<10))
	if err != nil {
		return "", err
	}
	ctx := oidc.ClientContext(context.Background(), client)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return "", err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}})
	token, err := verifier.Verify(ctx, strings.TrimSpace(string(raw)))
	if err != nil {
		return "", err
	}
	return token.Subject, boundTo(client, issuer, strings.TrimSpace(string(raw)), token.Subject)
}

// boundTo makes sure that the key of the token is the subject's own: each key may sign for one identity only.
func boundTo(client *http.Client, issuer, token, subject string) error {
	encoded, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	var header struct{ Kid string }
	if err := json.Unmarshal(decoded, &header); err != nil {
		return err
	}
	response, err := client.Get(issuer + "/jwks.json")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var set struct{ Keys []struct{ Kid, Sub string } }
	if err := json.NewDecoder(io.LimitReader(response.Body, 16<<20)).Decode(&set); err != nil {
		return err
	}
	for _, key := range set.Keys {
		if key.Kid == header.Kid && key.Sub == subject {
			return nil
		}
	}
	return errors.New("this key may not sign for this subject")
}
