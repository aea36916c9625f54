package transform_test

import "testing"

func TestConversationScenarios(t *testing.T) { testScenarios(t, "conversations", ofConversations) }
