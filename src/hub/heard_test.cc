// Whether somebody hears a topic that begins with '$': sessions on any shard, and consumers that listen.
#include "hub/hub.h"
#include "hub/hub_fixture.h"

namespace dunlin::hub {
namespace {

using testing::RecordingLink;

class HeardTest : public testing::HubTest {
 protected:
  void SetUp() override { boot(3); }
};

TEST_F(HeardTest, KnowsWhetherATopicOfServicesIsHeard) {
  const auto heard = [this] { return hub().is_heard(kDefaultTenant, "$dunlin/samples/d/heat"); };
  RecordingLink all, links[2];
  open(all, options(client_on(0, "all")));
  subscribe(all, "#");
  run();
  EXPECT_FALSE(heard()) << "# is not of topics that begin with $";
  for (const std::size_t shard : {std::size_t{0}, std::size_t{1}}) {
    Session& session = open(links[shard], options(client_on(shard, "one")));
    subscribe(links[shard], "$dunlin/samples/+/heat");
    run();
    EXPECT_TRUE(heard()) << shard;
    EXPECT_FALSE(hub().is_heard(TenantId{7}, "$dunlin/samples/d/heat"));
    EXPECT_FALSE(hub().is_heard(kDefaultTenant, "$dunlin/alarms/a/d"));
    session.unsubscribe({"$dunlin/samples/+/heat"}, [](const std::vector<bool>&) {});
    run();
    EXPECT_FALSE(heard()) << shard;
  }
  const auto consume = [this](ConsumerOptions::Listens listens) {
    return hub().consume(*world->executors[0],
                         {.name = "c", .filters = {"$dunlin/#"}, .start = {}, .listens = listens},
                         [](const std::vector<Delivery>&, Task done) { done(); });
  };
  auto consumer = consume(ConsumerOptions::Listens::no);
  run();
  EXPECT_FALSE(heard());
  consumer = consume(ConsumerOptions::Listens::yes);
  run();
  EXPECT_TRUE(heard());
  consumer.reset();
  run();
  EXPECT_FALSE(heard());
}

}  // namespace
}  // namespace dunlin::hub
