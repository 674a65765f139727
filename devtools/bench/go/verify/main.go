// Command verify asks a registry what kargo-notify asks it, over kept connections and with nothing around it: of each image the manifest by
// its tag and the config by GET, both hashed, and each layer by HEAD.
//
// usage: verify HOST:PORT CONNECTIONS <images, one "path tag" in a line
//
// It prints one JSON object: the seconds from the first request to the end of the last one, and how many there were.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const manifestTypes = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"

type descriptor struct {
	Digest string `json:"digest"`
}

type manifest struct {
	Config descriptor   `json:"config"`
	Layers []descriptor `json:"layers"`
}

type registry struct {
	base     string
	client   *http.Client
	requests atomic.Int64
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: verify HOST:PORT CONNECTIONS <images")
	}
	connections, err := strconv.Atoi(os.Args[2])
	if err != nil || connections < 1 {
		log.Fatalf("%s is no number of connections", os.Args[2])
	}
	var images []string
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		images = append(images, lines.Text())
	}
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}
	asked := &registry{base: "http://" + os.Args[1] + "/v2/", client: &http.Client{Transport: transport}}
	begun := time.Now()
	asked.verify(images, connections)
	seconds := time.Since(begun).Seconds()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": seconds, "requests": asked.requests.Load()}); err != nil {
		log.Fatal(err)
	}
}

func (r *registry) verify(images []string, atOnce int) {
	next := make(chan string)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for image := range next {
				if err := r.image(image); err != nil {
					log.Fatalf("%s: %v", image, err)
				}
			}
		})
	}
	for _, image := range images {
		next <- image
	}
	close(next)
	workers.Wait()
}

func (r *registry) image(image string) error {
	path, tag, _ := strings.Cut(image, " ")
	content, digest, err := r.ask(http.MethodGet, path+"/manifests/"+tag)
	if err != nil {
		return err
	}
	if computed := digestOf(content); computed != digest {
		return fmt.Errorf("the manifest is %s and not %s", computed, digest)
	}
	var found manifest
	if err := json.Unmarshal(content, &found); err != nil {
		return err
	}
	config, _, err := r.ask(http.MethodGet, path+"/blobs/"+found.Config.Digest)
	if err != nil {
		return err
	}
	if computed := digestOf(config); computed != found.Config.Digest {
		return fmt.Errorf("the config is %s and not %s", computed, found.Config.Digest)
	}
	for _, layer := range found.Layers {
		if _, _, err := r.ask(http.MethodHead, path+"/blobs/"+layer.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (r *registry) ask(method, path string) (content []byte, digest string, err error) {
	request, err := http.NewRequest(method, r.base+path, nil)
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Accept", manifestTypes)
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	r.requests.Add(1)
	if answer.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	content, err = io.ReadAll(answer.Body)
	return content, answer.Header.Get("Docker-Content-Digest"), err
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
