#pragma once
// For tests: a store of samples, tags, and queries whose answers are compared as text.

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
  std::vector<std::string> names(TenantId, const SeriesList&) const override {
    std::vector<std::string> all;
    for (const auto& [device, tags] : tags_) {
      for (const auto& [name, value] : tags) all.push_back(name);
    }
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    return all;
  }
  std::optional<std::string> tag(TenantId, std::string_view device, std::string_view name) const override {
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
  }
  void TearDown() override {
    service.reset();
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

  /// The rows, a line each, cells with commas between; or the error.
  std::string query(const std::string& sql) {
    std::string text;
    auto answer = std::make_shared<Result<QueryCost>>(fail(Errc::internal, "no answer"));
    RowSink sink;
    sink.columns = [](const auto&, const auto&) {};
    sink.rows = [&text](const Batch& batch, const TextPool& texts) {
      add_csv(text, batch, texts, batch.rows);
      return RowSink::Go::on;
    };
    service->start(kDefaultTenant, sql, std::move(sink),
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
  std::vector<model::Sample> pending;
  QueryCost cost;
};

}  // namespace dunlin::query
