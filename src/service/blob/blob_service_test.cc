#include "service/blob/blob_service.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "service/blob/names.h"
#include "store/blob/blob_fixture.h"

namespace dunlin::blob {
namespace {

using store::BlobRecord;

/// The service over a store on a virtual disk, with the policies that every server has.
class BlobServiceTest : public ::testing::Test, protected store::BlobMachine {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start());
    security::PolicyEngine::Table table;
    for (const auto& [name, text] : security::default_policies())
      table.emplace(name, std::make_shared<const security::Policy>(*security::Policy::parse(text)));
    policies.replace(std::move(table));
    restart_service({});
  }
  void restart_service(KeepRules keep) {
    service = std::make_unique<BlobService>(BlobEnvironment{
        *machine.executor, *store, policies, std::move(keep),
        [this](const model::Caller& caller, model::CallRecord record, auto recorded) {
          records.push_back(caller.principal->name + " " + std::string(record.action) + " " +
                            (record.outcome == model::CallRecord::Outcome::done ? "done" : "denied"));
          recorded(Result<void>{});
        }});
    ASSERT_TRUE(wait<void>([&](auto done) { service->start(std::move(done)); }));
    calls = model::OperationTable();
    service->declare(calls);
  }
  static model::Caller person(std::initializer_list<std::string> permissions) {
    Principal principal;
    principal.kind = PrincipalKind::user;
    principal.name = "ann";
    principal.permissions = permissions;
    return {seal(std::move(principal)), "192.0.2.1:4711"};
  }
  static model::Caller device(const std::string& name, Quarantine quarantine = Quarantine::no) {
    Principal principal;
    principal.kind = PrincipalKind::device;
    principal.name = name;
    principal.policies = {"device"};
    principal.standing.quarantine = quarantine;
    return {seal(std::move(principal)), "192.0.2.2:4711"};
  }

  Result<BlobRecord> put_as(const model::Caller& caller, PutWish wish, const std::string& content) {
    auto incoming = wait<std::unique_ptr<Incoming>>(
        [&](auto done) { service->receive(caller, std::move(wish), std::move(done)); });
    if (!incoming) return std::unexpected(incoming.error());
    const auto written =
        wait<void>([&](auto done) { (*incoming)->write(Slice::copy_of(content), std::move(done)); });
    if (!written) return std::unexpected(written.error());
    return wait<BlobRecord>([&](auto done) { (*incoming)->finish(std::move(done)); });
  }
  Errc got(const model::Caller& caller, const std::string& id) {
    const auto opened = wait<Opened>([&](auto done) { service->open(caller, id, std::move(done)); });
    return opened ? Errc::already_exists : opened.error().code;
  }
  static constexpr Errc kRead = Errc::already_exists;
  Result<boost::json::value> call(const std::string& name, boost::json::object request,
                                  std::initializer_list<std::string> permissions = {"*"}) {
    return wait<boost::json::value>([&](auto done) {
      calls.invoke(*calls.find(name), person(permissions), std::move(request), std::move(done));
    });
  }
  std::string id_of(const std::string& content) { return store::blob_id(store::hash_of(content)); }

  security::PolicyEngine policies;
  std::vector<std::string> records;
  std::unique_ptr<BlobService> service;
  model::OperationTable calls;
};

TEST_F(BlobServiceTest, PeopleNeedPermissionsAndAreRecorded) {
  const auto stored = put_as(person({"blobs:write"}),
                             {.device = "cam-1", .name = "a.jpg", .media_type = "image/JPEG; q=1"}, "frame");
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->media_type, "image/jpeg");
  EXPECT_EQ(stored->put_by, "ann");
  EXPECT_EQ(put_as(person({"blobs:read"}), {}, "x").error().code, Errc::permission_denied);
  EXPECT_EQ(put_as({std::make_shared<Principal>(), ""}, {}, "x").error().code, Errc::unauthenticated);
  EXPECT_EQ(got(person({"blobs:read"}), id_of("frame")), kRead);
  EXPECT_EQ(got(person({"blobs:write"}), id_of("frame")), Errc::permission_denied);
  EXPECT_EQ(got(person({"blobs:read"}), id_of("other")), Errc::not_found);
  EXPECT_EQ(got(person({"blobs:read"}), "sha256-1"), Errc::invalid_argument);
  EXPECT_EQ(records,
            (std::vector<std::string>{"ann blob.put done", "ann blob.put denied", "ann blob.put denied"}));
}

TEST_F(BlobServiceTest, DevicesSpeakForThemselvesByTheirPolicies) {
  const auto stored = put_as(device("cam-1"), {}, "frame");
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->key.device, "cam-1");
  EXPECT_EQ(put_as(device("cam-1"), {.device = "cam-2"}, "x").error().code, Errc::permission_denied);
  EXPECT_EQ(put_as(device("cam-1", Quarantine::yes), {}, "x").error().code, Errc::permission_denied);
  EXPECT_EQ(got(device("cam-1"), id_of("frame")), kRead);
  EXPECT_EQ(got(device("cam-2"), id_of("frame")), Errc::permission_denied);
  ASSERT_TRUE(put_as(device("cam-2"), {}, "frame"));
  EXPECT_EQ(got(device("cam-2"), id_of("frame")), kRead) << "it holds the same one";
  ASSERT_TRUE(put_as(person({"*"}), {}, "firmware"));
  EXPECT_EQ(got(device("cam-1"), id_of("firmware")), Errc::permission_denied)
      << "$dunlin/blobs is not its own";
  EXPECT_EQ(records, std::vector<std::string>{"ann blob.put done"}) << "devices are not recorded";
}

TEST_F(BlobServiceTest, RulesSayHowLongAndTheSenderSaysItBetter) {
  using std::chrono::hours;
  restart_service(
      {{{"image/*", "", hours{2}}, {"image/png", "", hours{3}}, {"", "cam-*", hours{1}}}, hours{5}});
  const std::int64_t now = unix_milliseconds(machine.clock.wall_now());
  const auto kept_for = [&](PutWish wish, const std::string& content) {
    const auto stored = put_as(person({"*"}), std::move(wish), content);
    return stored && stored->expires != 0 ? (stored->expires - now) / 3'600'000 : -1;
  };
  EXPECT_EQ(kept_for({.media_type = "text/plain"}, "1"), 5);
  EXPECT_EQ(kept_for({.media_type = "image/gif"}, "2"), 2);
  EXPECT_EQ(kept_for({.media_type = "image/png"}, "3"), 3);
  EXPECT_EQ(kept_for({.device = "cam-1", .media_type = "image/png"}, "4"), 1);
  EXPECT_EQ(kept_for({.device = "cam-1", .keep = "9h"}, "5"), 9);
  EXPECT_EQ(kept_for({.device = "cam-1", .keep = "0"}, "6"), -1);
  machine.scheduler.run_for(hours{1} + std::chrono::milliseconds{1});
  EXPECT_EQ(got(person({"*"}), id_of("4")), Errc::not_found);
  machine.scheduler.run_for(std::chrono::seconds{20});
  EXPECT_EQ(store->usage(1).blobs, 5U) << "and it is removed by itself";
}

TEST_F(BlobServiceTest, OneSenderDoesNotTakeAllPlaces) {
  std::vector<std::unique_ptr<Incoming>> coming;
  const auto begin = [&](const model::Caller& caller) {
    auto incoming =
        wait<std::unique_ptr<Incoming>>([&](auto done) { service->receive(caller, {}, std::move(done)); });
    if (!incoming) return incoming.error().code;
    coming.push_back(*std::move(incoming));
    return Errc::already_exists;
  };
  for (std::size_t i = 0; i < kMaxUploadsOfOne; ++i) EXPECT_EQ(begin(device("cam-1")), Errc::already_exists);
  EXPECT_EQ(begin(device("cam-1")), Errc::unavailable);
  EXPECT_EQ(begin(device("cam-2")), Errc::already_exists);
  coming.clear();
  EXPECT_EQ(begin(device("cam-1")), Errc::already_exists);
  ASSERT_TRUE(put_as(person({"*"}), {}, "frame"));
  std::vector<Opened> open;
  const auto get = [&] {
    auto opened =
        wait<Opened>([&](auto done) { service->open(person({"*"}), id_of("frame"), std::move(done)); });
    if (opened) open.push_back(*std::move(opened));
    return open.size();
  };
  for (std::size_t i = 1; i <= kMaxDownloadsOfOne; ++i) EXPECT_EQ(get(), i);
  EXPECT_EQ(get(), kMaxDownloadsOfOne);
  open.pop_back();
  EXPECT_EQ(get(), kMaxDownloadsOfOne);
}

TEST_F(BlobServiceTest, OperationsListShowAndDelete) {
  for (const char* name : {"cam-1", "cam-2"})
    ASSERT_TRUE(put_as(person({"*"}), {.device = name, .name = name}, "frame"));
  ASSERT_TRUE(put_as(person({"*"}), {.name = "tenant's"}, "frame"));
  const auto shown = call("blob.show", {{"blob", id_of("frame")}});
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->at("holders").as_array().size(), 3U);
  EXPECT_EQ(call("blob.list", {{"device", "cam-2"}})->at("blobs").as_array().size(), 1U);
  EXPECT_EQ(call("blob.list", {{"from", "soon"}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(call("blob.list", {{"limit", 0}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(call("blob.usage", {})->at("blobs"), boost::json::value(3));
  EXPECT_EQ(call("blob.delete", {{"blob", id_of("frame")}}, {"blobs:write"}).error().code,
            Errc::permission_denied);
  EXPECT_EQ(call("blob.delete", {{"blob", id_of("frame")}, {"device", ""}})->at("removed"),
            boost::json::value(1));
  EXPECT_EQ(call("blob.delete", {{"blob", id_of("frame")}})->at("removed"), boost::json::value(2));
  EXPECT_EQ(call("blob.delete", {{"blob", id_of("frame")}}).error().code, Errc::not_found);
  EXPECT_EQ(call("blob.show", {{"blob", id_of("frame")}}).error().code, Errc::not_found);
}

TEST_F(BlobServiceTest, WhatIsSaidOfABlobIsChecked) {
  const auto refused = [&](PutWish wish) { return put_as(person({"*"}), std::move(wish), "x").error().code; };
  EXPECT_EQ(refused({.device = "no name"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.name = "../etc/passwd"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.name = "a\nb"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.name = std::string(256, 'n')}), Errc::invalid_argument);
  EXPECT_EQ(refused({.media_type = "nonsense"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.keep = "1 day"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.keep = "36501d"}), Errc::invalid_argument);
  EXPECT_EQ(refused({.expected = store::hash_of("y")}), Errc::malformed);
  EXPECT_EQ(harmless_type("image/jpeg"), "image/jpeg");
  for (const char* active :
       {"text/html", "image/svg+xml", "application/xml", "text/javascript", "application/pdf"})
    EXPECT_EQ(harmless_type(active), "application/octet-stream");
}

}  // namespace
}  // namespace dunlin::blob
