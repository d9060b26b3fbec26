#include "base/metrics.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/limits.h"

namespace dunlin::metrics {
namespace {

TEST(MetricsTest, CellsOfOneNameAreSummed) {
  Registry registry;
  Cell& first = registry.counter("dunlin_net_bytes_total", "Bytes.", {{"protocol", "mqtt"}, {"way", "in"}});
  Cell& second = registry.counter("dunlin_net_bytes_total", "Bytes.", {{"way", "in"}, {"protocol", "mqtt"}});
  Cell& other = registry.counter("dunlin_net_bytes_total", "Bytes.", {{"protocol", "http"}, {"way", "in"}});
  first.add(3);
  second.add();
  other.add(10);
  EXPECT_EQ(registry.value("dunlin_net_bytes_total"), 14);
  EXPECT_EQ(registry.value("dunlin_net_bytes_total", {{"protocol", "mqtt"}}), 4);
  EXPECT_EQ(registry.value("dunlin_net_bytes_total", {{"protocol", "coap"}}), 0);
  EXPECT_EQ(registry.value("no_such_metric"), 0);
}

TEST(MetricsTest, ExposesThePrometheusText) {
  Registry registry;
  registry.counter("dunlin_a_total", "Things\nseen.", {{"kind", "x\"y"}}).add(5);
  registry.gauge("dunlin_b", "Open.").set(-2);
  registry.gauge_function("dunlin_c", "Asked.", {}, [] { return 0.5; });
  EXPECT_EQ(registry.expose(),
            "# HELP dunlin_a_total Things\\nseen.\n# TYPE dunlin_a_total "
            "counter\ndunlin_a_total{kind=\"x\\\"y\"} 5\n"
            "# HELP dunlin_b Open.\n# TYPE dunlin_b gauge\ndunlin_b -2\n"
            "# HELP dunlin_c Asked.\n# TYPE dunlin_c gauge\ndunlin_c 0.5\n");
}

TEST(MetricsTest, AFunctionAddsToTheCells) {
  Registry registry;
  registry.gauge("dunlin_q", "Queued.").set(2);
  registry.gauge_function("dunlin_q", "Queued.", {}, [] { return 3.0; });
  EXPECT_EQ(registry.value("dunlin_q"), 5);
  EXPECT_NE(registry.expose().find("dunlin_q 5\n"), std::string::npos);
}

TEST(MetricsTest, LabelSetsPastTheLimitShareOne) {
  Registry registry;
  for (std::size_t i = 0; i < kMaxSeriesPerMetric + 5; ++i) {
    registry.counter("dunlin_many_total", "Many.", {{"who", std::to_string(i)}}).add();
  }
  EXPECT_EQ(registry.value("dunlin_many_total"), kMaxSeriesPerMetric + 5);
  EXPECT_EQ(registry.value("dunlin_many_total", {{"who", "other"}}), 5);
}

TEST(MetricsTest, IsReadWhileThreadsCount) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&cell = registry.counter("dunlin_t_total", "T.")] {
      for (int n = 0; n < 10'000; ++n) cell.add();
    });
  }
  double last = 0;
  for (int i = 0; i < 50; ++i) {
    const double now = registry.value("dunlin_t_total");
    EXPECT_GE(now, last);
    last = now;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(registry.value("dunlin_t_total"), 30'000);
}

TEST(MetricsDeathTest, NamesFollowPrometheus) {
  Registry registry;
  registry.counter("dunlin_a_total", "A.");
  EXPECT_DEATH(registry.gauge("dunlin_a_total", "A."), "assertion failed");
  EXPECT_DEATH(registry.counter("dunlin-a", "A."), "assertion failed");
  EXPECT_DEATH(registry.counter("1a", "A."), "assertion failed");
  EXPECT_DEATH(registry.counter("dunlin_b_total", "B.", {{"bad-label", "x"}}), "assertion failed");
}

}  // namespace
}  // namespace dunlin::metrics
