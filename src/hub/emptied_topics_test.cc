// Retained messages that were removed: whatever order a crash has the journals read in.

#include "hub/emptied_topics.h"

#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::message;
using testing::RecordingLink;

TEST(EmptiedTopicsTest, ForgetsTheOldestPastTimeAndLimit) {
  EmptiedTopics topics;
  const WallTime begin{};
  topics.add("a", begin);
  topics.add("a", begin + std::chrono::seconds{30});
  topics.add("b", begin + std::chrono::seconds{10});
  topics.erase("b");
  EXPECT_TRUE(topics.is_newer("a", begin + std::chrono::seconds{29}));
  EXPECT_FALSE(topics.is_newer("a", begin + std::chrono::seconds{30}));
  EXPECT_THAT(topics.take_old(begin + kEmptiedTopicLife + std::chrono::seconds{10}), IsEmpty());
  EXPECT_THAT(topics.take_old(begin + kEmptiedTopicLife + std::chrono::seconds{30}), ElementsAre("a"));
  for (std::size_t i = 0; i < kMaxEmptiedTopics + 2; ++i) topics.add(std::to_string(i), begin);
  EXPECT_THAT(topics.take_old(begin), ElementsAre("0", "1"));
  EXPECT_FALSE(topics.has("0"));
  EXPECT_TRUE(topics.has("2"));
}

/// What is set through one shard's journal and removed through another's.
class RetainedRemovals : public testing::HubTest {
 protected:
  static constexpr const char* kTopic = "r/1";
  void retain(const std::string& client, const std::string& payload) {
    RecordingLink link;
    Session& session = open(link, options(client));
    session.publish(message(kTopic, payload, QoS::at_least_once, Message::Retain::yes), 1,
                    [](const auto&) {});
    run();
    session.close({"disconnected", Session::WillFate::discard, {}});
    run();
  }
  std::vector<std::string> kept() {
    RecordingLink link;
    open(link, options("reader"));
    subscribe(link, "#");
    run();
    const auto payloads = link.payloads();
    link.session->close({"disconnected", Session::WillFate::discard, {}});
    return payloads;
  }
};

TEST_F(RetainedRemovals, ARemovalHoldsOverACrashWhicheverJournalIsReadFirst) {
  for (const auto& [setter, remover] : {std::pair{0, 2}, std::pair{2, 0}}) {
    boot(3);
    retain(client_on(static_cast<std::size_t>(setter), "s"), "old");
    run(std::chrono::milliseconds{5});
    retain(client_on(static_cast<std::size_t>(remover), "r"), "");
    EXPECT_THAT(kept(), IsEmpty());
    crash_and_boot(3);
    EXPECT_THAT(kept(), IsEmpty()) << setter << " before " << remover;
    retain(client_on(static_cast<std::size_t>(setter), "s"), "new");
    crash_and_boot(3);
    EXPECT_THAT(kept(), ElementsAre("new"));
    retain(client_on(static_cast<std::size_t>(remover), "r"), "");
    run(std::chrono::minutes{2});
    EXPECT_THAT(keyed_disk[store::Table::retained], IsEmpty()) << "the rows of removals go in the end";
  }
}

}  // namespace
}  // namespace dunlin::hub
