package main

import (
	"log"
	"net/http"
	"strings"
)

func main() {
	answer, err := http.Post("{{ address }}", "application/json", strings.NewReader("{}"))
	if err != nil || answer.StatusCode != 200 {
		log.Fatal(answer, err)
	}
}
