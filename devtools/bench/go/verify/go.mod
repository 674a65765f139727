module local-cicd/bench/verify

go 1.26
