// Speak one text through Kafka, with nothing of Loa but its topics, and verify the audio.
//
//	go run . HOST:PORT "Text to speak" [FILE]
//
// Prints the outcome as JSON; exits 1 if it is a failure, or if the audio is not the one that was announced.
// TTS_TOPIC_PREFIX: as Loa has it, `tts` if it is not set.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log"
	"os"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Request: `text` is all that is required.
type Request struct {
	Text        string            `json:"text"`
	ID          string            `json:"request_id"`
	Format      string            `json:"format"`
	ReturnAudio bool              `json:"return_audio"`
	Metadata    map[string]string `json:"metadata"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal(`usage: go run . HOST:PORT "Text to speak" [FILE]`)
	}
	ctx := context.Background()
	prefix := cmp.Or(os.Getenv("TTS_TOPIC_PREFIX"), "tts")
	producer, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.DefaultProduceTopic(prefix+".requests"))
	check(err)
	defer producer.Close()

	// Where the topics end now: the outcome comes after that, however soon. Without a group, every subscriber hears everything.
	ends, err := kadm.NewClient(producer).ListEndOffsets(ctx, prefix+".completed", prefix+".failed")
	check(err)
	consumer, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.ConsumePartitions(ends.KOffsets()))
	check(err)
	defer consumer.Close()

	request := Request{os.Args[2], rand.Text(), "flac", true, map[string]string{"from": "examples/go"}}
	value, err := json.Marshal(request)
	check(err)
	check(producer.ProduceSync(ctx, &kgo.Record{Key: []byte(request.ID), Value: value}).FirstErr())

	event := outcome(ctx, consumer, request.ID)
	audio, inline := event["audio_base64"].(string)
	delete(event, "audio_base64")
	check(json.NewEncoder(os.Stdout).Encode(event))
	if event["code"] != nil {
		os.Exit(1)
	}
	if !inline {
		log.Printf("longer than an event may be: it is at %v", cmp.Or(event["audio_url"], event["file_path"]))
		return
	}
	content, err := base64.StdEncoding.DecodeString(audio)
	check(err)
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != event["sha256"] {
		log.Fatalf("the audio of %s is not the one that was announced", request.ID)
	}
	if len(os.Args) > 3 {
		check(os.WriteFile(os.Args[3], content, 0o644))
	}
}

// outcome waits for the event that has the request's id.
func outcome(ctx context.Context, consumer *kgo.Client, id string) map[string]any {
	for {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err())
		for record := range fetches.RecordsAll() {
			var event map[string]any
			check(json.Unmarshal(record.Value, &event))
			if event["request_id"] != id {
				continue
			}
			for _, header := range record.Headers {
				if header.Key == "ce_specversion" && string(header.Value) == "1.0" {
					return event
				}
			}
			log.Fatal("an event of another version of CloudEvents: this program knows 1.0")
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
