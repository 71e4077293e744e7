package main

import (
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

	client := http.Client{Timeout: 15 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(text))
	if answer.StatusCode != 200 {
		os.Exit(1)
	}
}
