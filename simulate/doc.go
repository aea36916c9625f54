// Package simulate makes a world of which the truth is known: contacts who tire of messages, a
// business that messages the engaged more, and a platform that delivers late, twice and out of
// order. The same Options give the same bytes.
//
// Lines tells the world as our own event lines, WhatsApp as the payloads that Meta would have
// posted; both tell the same facts. Truth says what the world was made of, and Measure, an
// implementation of the definitions that shares nothing with the models, says what a faultless
// analysis of the lines must find:
//
//	world := simulate.New(simulate.Options{Seed: 1})
//	for post := range world.WhatsApp() {
//		signature := simulate.Sign(post.Body, secret)
//		...
//	}
package simulate
