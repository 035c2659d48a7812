// Services that ask an authority at a steady pace, each over one kept connection: the load of the rolling soak. A program
// of its own, for a client in Node takes three times the processor time, on the cores that the replicas need.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// The first line of the standard input. Another may follow: from when on answers count. The load ends when the input does.
type load struct {
	URL        string     `json:"url"`
	CA         string     `json:"ca"`
	ServerName string     `json:"servername"`
	Services   int        `json:"services"`
	PerSecond  float64    `json:"perSecond"`
	Questions  []question `json:"questions"`
}

type question struct {
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	// How the answer begins where it is right.
	RightAnswer string `json:"rightAnswer"`
}

type countFrom struct {
	UnixMs int64 `json:"unixMs"`
}

// The last line of the standard output.
type found struct {
	mutex sync.Mutex
	all   []timed
	// Of each request that counts, in milliseconds from when it was due, so that a queue at the service's own end counts too.
	Latencies []float64 `json:"latencies"`
	// Why requests failed at the first attempt, and how many for each reason; and those that failed at the second, too.
	Failures           map[string]int `json:"failures"`
	FailuresAfterRetry map[string]int `json:"failuresAfterRetry"`
}

type timed struct {
	due  time.Time
	took time.Duration
}

const (
	// Within which an answer has to come.
	limit = 5 * time.Second
	// Until a service asks again: a process that is being killed may take connections to the last.
	backOff = 100 * time.Millisecond
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var asked load
	if err := json.Unmarshal(line, &asked); err != nil {
		return err
	}
	services, err := asked.services()
	if err != nil {
		return err
	}
	// Connections are there before they are counted.
	asked.connect(services)
	fmt.Println("asking")
	over := make(chan struct{})
	var from countFrom
	go func() {
		defer close(over)
		if json.NewDecoder(input).Decode(&from) == nil {
			_, _ = io.Copy(io.Discard, input)
		}
	}()
	results := asked.pace(services, over)
	<-over
	results.count(time.UnixMilli(from.UnixMs))
	return json.NewEncoder(os.Stdout).Encode(results)
}

func (asked *load) connect(services []*service) {
	var all sync.WaitGroup
	for index, one := range services {
		all.Go(func() { _ = one.ask(asked.turn(index)) })
	}
	all.Wait()
}

// Each service asks at times that are known from the start. One that is behind asks at once, and what it waited counts: what
// is slow finds the next requests at its door all the same, as with callers that know nothing of one another.
func (asked *load) pace(services []*service, over <-chan struct{}) *found {
	results := &found{Latencies: []float64{}, Failures: map[string]int{}, FailuresAfterRetry: map[string]int{}}
	var underWay sync.WaitGroup
	began := time.Now()
	for index, one := range services {
		underWay.Go(func() {
			for round := 0; ; round++ {
				number := float64(round*len(services) + index)
				due := began.Add(time.Duration(number / asked.PerSecond * float64(time.Second)))
				if !waited(due, over) {
					return
				}
				// A service meets each question in time: its share of them moves on by one with each round.
				asks := asked.turn(round*len(services) + index + round)
				if first := one.ask(asks); first == nil {
					results.add(due, nil, nil)
				} else {
					underWay.Go(func() { results.add(due, first, one.repeat(asks)) })
				}
			}
		})
	}
	underWay.Wait()
	return results
}

// Whether the time has come before it was over.
func waited(due time.Time, over <-chan struct{}) bool {
	select {
	case <-over:
		return false
	default:
	}
	wait := time.Until(due)
	if wait <= 0 {
		return true
	}
	select {
	case <-over:
		return false
	case <-time.After(wait):
		return true
	}
}

func (asked *load) turn(number int) *question {
	return &asked.Questions[number%len(asked.Questions)]
}

func (results *found) add(due time.Time, first, second error) {
	took := time.Since(due)
	results.mutex.Lock()
	defer results.mutex.Unlock()
	results.all = append(results.all, timed{due, took})
	if first != nil {
		results.Failures[reason(first)]++
	}
	if second != nil {
		results.FailuresAfterRetry[reason(second)]++
	}
}

func (results *found) count(from time.Time) {
	for _, one := range results.all {
		if !one.due.Before(from) {
			results.Latencies = append(results.Latencies, float64(one.took.Microseconds())/1000)
		}
	}
}

// Without the address, which would make one reason many.
func reason(err error) string {
	var sent *url.Error
	if errors.As(err, &sent) {
		err = sent.Err
	}
	return err.Error()
}

type service struct {
	client *http.Client
	url    string
	// One question at a time.
	turn sync.Mutex
}

func (asked *load) services() ([]*service, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(asked.CA)) {
		return nil, errors.New("ca: no certificate in PEM")
	}
	services := make([]*service, asked.Services)
	for index := range services {
		transport := &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, ServerName: asked.ServerName},
			MaxConnsPerHost:     1,
			MaxIdleConnsPerHost: 1,
		}
		services[index] = &service{client: &http.Client{Transport: transport, Timeout: limit}, url: asked.URL}
	}
	return services, nil
}

// What fails is repeated once, over the connection that takes the place of a lost one: exchange and introspection do
// nothing that cannot be done twice. The SDK repeats an exchange up to three times.
func (one *service) repeat(asks *question) error {
	time.Sleep(backOff)
	return one.ask(asks)
}

func (one *service) ask(asks *question) error {
	one.turn.Lock()
	defer one.turn.Unlock()
	request, err := http.NewRequest(http.MethodPost, one.url+asks.Path, bytes.NewReader([]byte(asks.Body)))
	if err != nil {
		return err
	}
	for name, value := range asks.Headers {
		request.Header.Set(name, value)
	}
	answer, err := one.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %d", asks.Path, answer.StatusCode)
	}
	if !bytes.HasPrefix(text, []byte(asks.RightAnswer)) {
		return fmt.Errorf("%s gave a wrong answer", asks.Path)
	}
	return nil
}
