module signet.dev/soak/services

go 1.25.0
