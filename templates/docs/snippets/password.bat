set /p WEBHOOK_PASSWORD=Password: 
