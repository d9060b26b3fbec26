#pragma once
// For tests: a store of samples, tags, and queries whose answers are compared as text.

#include <array>
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "model/testing/service_test.h"
#include "service/query/answer.h"
#include "service/query/query_service.h"
#include "service/series/sample_disk.h"

namespace dunlin::query {

class FakeTags final : public TagSource {
 public:
  void load(TenantId, std::move_only_function<void(Result<void>)> loaded) override { loaded({}); }
  std::vector<std::string> names(TenantId) const override {
    std::vector<std::string> all;
    for (const auto& [device, tags] : tags_) {
      for (const auto& [name, value] : tags) all.push_back(name);
    }
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    return all;
  }
  std::optional<std::string> attribute(TenantId, std::string_view device,
                                       std::string_view name) const override {
    const auto found = tags_.find(std::string(device));
    if (found == tags_.end() || !found->second.contains(std::string(name))) return std::nullopt;
    return found->second.at(std::string(name));
  }
  std::vector<ThingRow> things(TenantId) const override {
    std::vector<ThingRow> rows;
    for (const auto& [device, tags] : tags_) rows.push_back({device, "truck", "", "enabled", tags});
    return rows;
  }
  void set(const std::string& device, const std::string& name, std::string value) {
    tags_[device][name] = std::move(value);
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> tags_;
};

class QueryTest : public model::testing::ServiceTest {
 protected:
  void SetUp() override {
    store = std::make_unique<series::SeriesStore>(*executor, keyed, disk.open(*executor, *metrics), *metrics);
    Result<void> opened = fail(Errc::internal, "not opened");
    store->open([&](Result<void> result) { opened = std::move(result); });
    settle();
    ASSERT_TRUE(opened) << opened.error().message;
    service = std::make_unique<QueryService>(*executor, *store, tags, *metrics);
    service->declare(table);
    std::vector<Executor*> all;
    for (auto& thread : threads) {
      thread = std::make_unique<VirtualExecutor>(scheduler);
      all.push_back(thread.get());
    }
    on_threads = std::make_unique<QueryService>(*executor, *store, tags, more_metrics, all);
  }
  void TearDown() override {
    on_threads.reset();
    service.reset();
    settle();
    store.reset();
  }

  /// Waits for a write to be stored.
  void put(const std::string& device, const std::string& channel, std::int64_t seconds, model::Value value) {
    model::Sample sample;
    sample.device = device;
    sample.channel = channel;
    sample.t_source = WallTime{std::chrono::seconds{seconds}};
    sample.value = std::move(value);
    pending.push_back(std::move(sample));
  }
  void write() {
    std::size_t stored = 0;
    store->write(
        std::exchange(pending, {}), "test", {},
        [&stored](Result<series::SeriesStore::Written> written) { stored = written ? written->stored : 0; });
    settle();
    ASSERT_NE(stored, 0U);
  }

  /// The rows, a line each, cells with commas between; or the error. Several threads answer the same, bit for
  /// bit.
  std::string query(const std::string& sql) {
    const std::string text = query_on(*service, sql);
    const QueryCost alone = cost;
    EXPECT_EQ(query_on(*on_threads, sql), text) << sql;
    EXPECT_EQ(cost.points_read, alone.points_read) << sql;
    EXPECT_EQ(cost.chunks_by_summary, alone.chunks_by_summary) << sql;
    return text;
  }
  std::string query_on(QueryService& on, const std::string& sql) {
    std::string text;
    auto answer = std::make_shared<Result<QueryCost>>(fail(Errc::internal, "no answer"));
    RowSink sink;
    sink.columns = [](const auto&, const auto&) {};
    sink.rows = [&text](const Batch& batch, const TextPool& texts) {
      for (std::size_t row = 0; row < batch.rows; ++row) add_csv_row(text, batch, texts, row);
      return RowSink::Go::on;
    };
    on.start({kDefaultTenant, sql}, std::move(sink),
             [answer](Result<QueryCost> result) { *answer = std::move(result); });
    settle();
    if (!*answer) return std::string(errc_name(answer->error().code)) + ": " + answer->error().message;
    cost = **answer;
    std::erase(text, '\r');
    return text;
  }

  series::SampleDisk disk;
  std::unique_ptr<series::SeriesStore> store;
  FakeTags tags;
  std::unique_ptr<QueryService> service;
  std::array<std::unique_ptr<VirtualExecutor>, 3> threads;
  metrics::Registry more_metrics;
  std::unique_ptr<QueryService> on_threads;
  std::vector<model::Sample> pending;
  QueryCost cost;
};

}  // namespace dunlin::query
