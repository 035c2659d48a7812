module signet.dev/tools/cluster/pause

go 1.24
