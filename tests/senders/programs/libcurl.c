#include <curl/curl.h>
#include <stdlib.h>

int main(void) {
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, "{{ endpoint }}");
    curl_easy_setopt(curl, CURLOPT_USERNAME, "{{ username }}");
    curl_easy_setopt(curl, CURLOPT_PASSWORD, getenv("WEBHOOK_PASSWORD"));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{\"message\": \"Hello from webhook!\"}");
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, "{{ ca }}");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 15L);
    CURLcode result = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return result == CURLE_OK ? 0 : 1;
}
