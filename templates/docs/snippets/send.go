package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	body := strings.NewReader(`{"message": "Hello from webhook!"}`)
	request, err := http.NewRequest("POST", "{{ endpoint }}", body)
	if err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth("{{ username }}", os.Getenv("WEBHOOK_PASSWORD"))
	request.Header.Set("Content-Type", "application/json")

	client := http.Client{
		Timeout: 15 * time.Second,
		// Following a redirect would turn the POST into a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	answer, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.Status, string(text))

	var result struct{ Status string }
	json.Unmarshal(text, &result)
	if answer.StatusCode != 200 || result.Status != "ok" {
		log.Fatal("not stored")
	}
}
