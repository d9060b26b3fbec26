#include "service/settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>

#include "security/audit.h"
#include "store/reference_repository.h"
#include "store/test_machine.h"

namespace dunlin::settings {
namespace {

using testing::HasSubstr;

struct SettingsTest : testing::Test {
  void SetUp() override {
    repository = *store::open_reference_repository(machine.fs, *machine.workers, "records");
    Principal ada;
    ada.name = "ada";
    caller = {.principal = std::make_shared<const Principal>(std::move(ada)), .address = "192.0.2.1"};
  }
  bool write(std::vector<store::Change> changes) {
    std::optional<bool> written;
    repository->write(*machine.executor, std::move(changes),
                      [&](auto result) { written = result.has_value(); });
    return machine.scheduler.run_until([&] { return written.has_value(); }, std::chrono::seconds{1}) &&
           *written;
  }
  bool put(const std::string& name, std::string body) {
    return write(changes_to_put(caller, WallTime{std::chrono::seconds{1}}, "test.put", {"test:", name},
                                std::move(body)));
  }
  /// Ids in the order in which they came, and how it ended.
  std::string all(TenantId tenant, const std::string& stop_at = "") {
    std::string seen;
    std::optional<Result<void>> end;
    auto each = [&](const store::Document& document) -> Result<void> {
      if (document.id == stop_at) return fail(Errc::invalid_argument, "not this one");
      seen += document.id + " ";
      return {};
    };
    for_each(*machine.executor, *repository, tenant, "test:", std::move(each),
             [&](Result<void> result) { end = std::move(result); });
    EXPECT_TRUE(machine.scheduler.run_until([&] { return end.has_value(); }, std::chrono::seconds{1}));
    return seen + (*end ? "ok" : std::string(errc_name(end->error().code)));
  }

  store::TestMachine machine;
  std::unique_ptr<store::Repository> repository;
  model::Caller caller;
};

TEST_F(SettingsTest, AreReadInOrderAndRemoved) {
  ASSERT_TRUE(put("b", "{}") && put("a", "{}"));
  EXPECT_EQ(all(caller.principal->tenant), "test:a test:b ok");
  EXPECT_EQ(all(caller.principal->tenant, "test:b"), "test:a invalid_argument");
  EXPECT_EQ(all(TenantId{99}), "ok");
  ASSERT_TRUE(write(changes_to_remove(caller, WallTime{}, "test.delete", {"test:", "a"})));
  EXPECT_EQ(all(caller.principal->tenant), "test:b ok");
}

TEST_F(SettingsTest, MoreThanAPageAreRead) {
  std::string expected;
  for (int i = 100; i < 350; ++i) {
    ASSERT_TRUE(put(std::to_string(i), "{}"));
    expected += "test:" + std::to_string(i) + " ";
  }
  EXPECT_EQ(all(caller.principal->tenant), expected + "ok");
}

TEST_F(SettingsTest, ARecordSaysWhoSetWhat) {
  const auto changes = changes_to_put(caller, WallTime{}, "test.put", {"test:", "a"}, R"({"keep":"7d"})");
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].document.id, "test:a");
  EXPECT_EQ(changes[0].document.body, R"({"keep":"7d"})");
  EXPECT_EQ(changes[1].kind, store::DocumentKind::audit);
  for (const char* told : {"ada", "192.0.2.1", "test.put", "keep"})
    EXPECT_THAT(changes[1].document.body, HasSubstr(told));
}

TEST_F(SettingsTest, WhatIsNoObjectIsCorrupt) {
  store::Document document;
  const auto keep = [](const boost::json::object& body) -> Result<std::string> {
    return std::string(body.at("keep").as_string());
  };
  for (const char* wrong : {"", "{", "[1]", "7"}) {
    document.body = wrong;
    EXPECT_EQ(read_as(document, keep).error().code, Errc::corrupt) << wrong;
  }
  document.body = R"({"keep":"7d"})";
  EXPECT_EQ(read_as(document, keep).value(), "7d");
}

}  // namespace
}  // namespace dunlin::settings
