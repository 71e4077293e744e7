// go build deliver.go; ./deliver EVENT.json [KEY]: sends a JSON file as one event, until it is stored.
// Exit status: 0 stored; 1 this event is refused, don't send it again;
// 75 not stored yet, try later with the same key; 77 nothing would be stored
// as things are: a wrong password or address, a redirect, or an unreadable file.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	endpoint    = "{{ endpoint }}"
	username    = "{{ username }}"
	attempts    = 10
	longestWait = time.Minute
)

var (
	client = http.Client{
		Timeout: 15 * time.Second,
		// Following a redirect would turn the POST into a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	retry = map[int]bool{0: true, 408: true, 429: true, 502: true, 503: true, 504: true}
	// What is wrong is the event.
	refused = map[int]bool{400: true, 413: true, 422: true}
)

// post is one attempt: status (0: no answer), text, and how long the answer asks to wait.
func post(body []byte, key string) (int, string, time.Duration) {
	request, err := http.NewRequest("POST", endpoint, bytes.NewReader(body))
	if err != nil {
		fail(err)
	}
	request.SetBasicAuth(username, os.Getenv("WEBHOOK_PASSWORD"))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", key)
	answer, err := client.Do(request)
	if err != nil {
		return 0, err.Error(), 0
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error(), 0
	}
	if target := answer.Header.Get("Location"); target != "" {
		text = []byte("not stored: the address redirects to " + target)
	}
	asked, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return answer.StatusCode, string(text), time.Duration(asked) * time.Second
}

func isStored(status int, text string) bool {
	var answer struct{ Status string }
	return status == 200 && json.Unmarshal([]byte(text), &answer) == nil && answer.Status == "ok"
}

func deliver(body []byte, key string) int {
	longest := time.Second
	for attempt := 1; ; attempt++ {
		status, text, asked := post(body, key)
		if isStored(status, text) {
			fmt.Println(text)
			return 0
		}
		fmt.Fprintf(os.Stderr, "attempt %d failed: %d %s\n", attempt, status, text)
		if refused[status] {
			return 1
		}
		if !retry[status] {
			return 77
		}
		if attempt == attempts {
			fmt.Fprintln(os.Stderr, "gave up; key:", key)
			return 75
		}
		jitter, _ := rand.Int(rand.Reader, big.NewInt(int64(longest)))
		time.Sleep(asked + time.Duration(jitter.Int64()))
		if longest *= 2; longest > longestWait {
			longest = longestWait
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "not sent:", err)
	os.Exit(77)
}

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("name a file"))
	}
	body, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	random := make([]byte, 16)
	rand.Read(random)
	key := fmt.Sprintf("%x", random)
	if len(os.Args) > 2 {
		key = os.Args[2]
	}
	os.Exit(deliver(body, key))
}
