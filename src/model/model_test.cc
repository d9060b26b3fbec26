#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>

#include "base/rng.h"
#include "model/cursors.h"
#include "model/keys.h"
#include "model/mapping.h"
#include "model/operation.h"
#include "model/reply.h"
#include "model/retry.h"
#include "model/testing/service_test.h"
#include "model/text.h"

namespace dunlin::model {
namespace {

hub::Message message(std::string_view topic, std::string_view payload) {
  hub::Message result;
  result.topic = Slice::copy_of(topic);
  result.payload = Slice::copy_of(payload);
  result.received_at = from_unix_milliseconds(1000);
  return result;
}

constexpr std::string_view kTopic = "demo/plant1/machine/press-01/temperature";

TEST(MappingTest, BareNumberBecomesASampleOfTheTopicsDeviceAndChannel) {
  const auto mapped = Mapping::standard().samples_of(message(kTopic, "21.53"));
  ASSERT_TRUE(mapped) << mapped.error().message;
  ASSERT_EQ(mapped->samples.size(), 1u);
  const Sample& sample = mapped->samples[0];
  EXPECT_EQ(sample.device, "press-01");
  EXPECT_EQ(sample.channel, "temperature");
  EXPECT_EQ(std::get<double>(sample.value), 21.53);
  EXPECT_EQ(unix_milliseconds(sample.t_source), 1000);
  const std::vector<std::pair<std::string, std::string>> expected{
      {"project", "demo"}, {"site", "plant1"}, {"device_type", "machine"}};
  EXPECT_EQ(mapped->facts.attributes, expected);
}

TEST(MappingTest, ObjectWithValueCarriesTimeUnitSequenceAndQuality) {
  const auto mapped = Mapping::standard().samples_of(
      message(kTopic, R"({"value":73,"unit":"Cel","t":1700000000123,"seq":7,"quality":"uncertain"})"));
  ASSERT_TRUE(mapped);
  const Sample& sample = mapped->samples.at(0);
  EXPECT_EQ(std::get<std::int64_t>(sample.value), 73);
  EXPECT_EQ(sample.unit, "Cel");
  EXPECT_EQ(unix_milliseconds(sample.t_source), 1700000000123);
  EXPECT_EQ(sample.seq, 7u);
  EXPECT_EQ(sample.quality, Quality::uncertain);
}

TEST(MappingTest, ObjectOfNumbersBecomesOneChannelEach) {
  const auto mapped = Mapping::standard().samples_of(
      message("a/b/c/d/temp.summary", R"({"mean":1.5,"count":60,"t":5,"note":"x"})"));
  ASSERT_TRUE(mapped);
  ASSERT_EQ(mapped->samples.size(), 2u);
  EXPECT_EQ(mapped->samples[0].channel, "temp.summary.mean");
  EXPECT_EQ(mapped->samples[1].channel, "temp.summary.count");
  EXPECT_EQ(unix_milliseconds(mapped->samples[1].t_source), 5);
}

TEST(MappingTest, PictureStaysBytes) {
  const auto mapped = Mapping::standard().samples_of(message("a/b/camera/cam-1/frame", "\xff\xd8\xff"));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(std::get<Bytes>(mapped->samples.at(0).value).value, "\xff\xd8\xff");
}

TEST(MappingTest, RefusesWhatHoldsNoMeasurement) {
  const Mapping mapping = Mapping::standard();
  EXPECT_EQ(mapping.samples_of(message(kTopic, "not json")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message(kTopic, "")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message(kTopic, "[1]")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message(kTopic, R"({"value":[1]})")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message(kTopic, R"({"value":1,"t":-1})")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message(kTopic, R"({"value":1,"t":1e300})")).error().code, Errc::malformed);
  EXPECT_EQ(mapping.samples_of(message("too/short", "1")).error().code, Errc::not_found);
  EXPECT_EQ(mapping.samples_of(message("$dunlin/a/b/c/d", "1")).error().code, Errc::not_found);
}

TEST(MappingTest, MoreThanTheLimitOfValuesIsRefused) {
  std::string payload = "{";
  for (std::size_t i = 0; i <= kMaxSamplesPerMessage; ++i) payload += "\"c" + std::to_string(i) + "\":1,";
  payload.back() = '}';
  EXPECT_EQ(Mapping::standard().samples_of(message(kTopic, payload)).error().code, Errc::limit_exceeded);
}

TEST(MappingTest, RowsThatCannotWorkAreRefusedWithAReason) {
  EXPECT_EQ(Mapping::make({{"a/{site}/+", PayloadShape::json, "x", ""}}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(Mapping::make({{"a/{device_id}", PayloadShape::json, "", ""}}).error().code,
            Errc::invalid_argument);
  EXPECT_NE(Mapping::make({{"a/{device}", PayloadShape::json, "x", ""}}).error().message.find("{device}"),
            std::string::npos);
  const auto mapping = Mapping::make({{"v1/{device_id}/telemetry", PayloadShape::json, "telemetry", ""}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->filters(), (std::vector<std::string>{"v1/+/telemetry"}));
}

struct OperationTest : ::testing::Test {
  static constexpr Field kRequest[] = {{"thing", FieldType::text, Need::required, "name"},
                                       {"limit", FieldType::integer, Need::optional, "rows"}};
  OperationTable table;
  OperationSpec spec{"thing.get", Method::get, "/api/things/{thing}", "One thing.", "things:read", kRequest,
                     {},          {}};

  Result<boost::json::value> invoke(Principal principal, boost::json::object request) {
    if (table.all().empty()) {
      table.add(spec, [](const Caller&, boost::json::object body, Reply reply) {
        reply(boost::json::value(std::move(body)));
      });
    }
    Result<boost::json::value> answer = fail(Errc::internal, "no reply");
    table.invoke(*table.find("thing.get"), Caller{std::make_shared<Principal>(std::move(principal)), "test"},
                 std::move(request), [&](Result<boost::json::value> result) { answer = std::move(result); });
    return answer;
  }
  static Principal user(std::vector<std::string> permissions) {
    Principal principal;
    principal.kind = PrincipalKind::user;
    principal.permissions = std::move(permissions);
    return principal;
  }
};

TEST_F(OperationTest, ChecksSignInPermissionAndFieldsBeforeTheHandler) {
  EXPECT_EQ(invoke(Principal{}, {{"thing", "a"}}).error().code, Errc::unauthenticated);
  EXPECT_EQ(invoke(user({"rules:read"}), {{"thing", "a"}}).error().code, Errc::permission_denied);
  EXPECT_NE(invoke(user({"*"}), {}).error().message.find("\"thing\" is missing"), std::string::npos);
  EXPECT_NE(invoke(user({"*"}), {{"thing", 1}}).error().message.find("must be of type string"),
            std::string::npos);
  EXPECT_NE(invoke(user({"*"}), {{"thing", "a"}, {"x", 1}}).error().message.find("unknown field \"x\""),
            std::string::npos);
  EXPECT_TRUE(invoke(user({"things:read"}), {{"thing", "a"}, {"limit", nullptr}}));
  EXPECT_TRUE(invoke(user({"things:*"}), {{"thing", "a"}, {"limit", 5}}));
}

TEST_F(OperationTest, AnIntegerBeyondTheRangeIsRefusedAndNotIgnored) {
  EXPECT_EQ(invoke(user({"*"}), {{"thing", "a"}, {"limit", std::uint64_t{1} << 63}}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(invoke(user({"*"}), {{"thing", "a"}, {"limit", 1.5}}).error().code, Errc::invalid_argument);
}

TEST(MappingTest, EveryMillisecondSurvivesExactly) {
  SeededRng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const auto time = static_cast<std::int64_t>(1'600'000'000'000ULL + rng.below(400'000'000'000ULL));
    const auto mapped =
        Mapping::standard().samples_of(message(kTopic, "{\"value\":1,\"t\":" + std::to_string(time) + "}"));
    ASSERT_TRUE(mapped);
    ASSERT_EQ(unix_nanoseconds(mapped->samples.at(0).t_source), time * 1'000'000);
  }
  const auto mapped = Mapping::standard().samples_of(message(kTopic, R"({"value":1,"t":1700000000123.5})"));
  EXPECT_EQ(unix_nanoseconds(mapped->samples.at(0).t_source), 1700000000123500000);
}

TEST(MappingTest, AUnitIsCutBetweenCharacters) {
  const std::string unit(31, 'x');
  const auto mapped =
      Mapping::standard().samples_of(message(kTopic, "{\"value\":1,\"unit\":\"" + unit + "\u00b0\"}"));
  EXPECT_EQ(mapped->samples.at(0).unit, unit);
}

TEST(MappingTest, PatternsThatNoTopicOrFilterCanFollowAreRefused) {
  for (const char* pattern : {"a/#/{device_id}", "a/b+/{device_id}", "{device_id}/{device_id}",
                              "$sys/{device_id}", "a/x{device_id}"}) {
    EXPECT_EQ(Mapping::make({{pattern, PayloadShape::json, "x", ""}}).error().code, Errc::invalid_argument)
        << pattern;
  }
}

TEST(MappingTest, AGatewayIsNotedAsTheOrigin) {
  auto sent = message(kTopic, "1");
  sent.principal = hub::testing::test_principal(PrincipalKind::gateway, "gw-1");
  EXPECT_EQ(Mapping::standard().samples_of(sent)->samples.at(0).origin.gateway, "gw-1");
}

TEST(TextTest, NumbersAreWrittenAsPeopleWriteThem) {
  const auto written = [](std::string_view text) { return json_text(boost::json::parse(text)); };
  EXPECT_EQ(written("21.53"), "21.53");
  EXPECT_EQ(written("-0.5"), "-0.5");
  EXPECT_EQ(written("3.0"), "3.0");
  EXPECT_EQ(written("7"), "7");
  EXPECT_EQ(written("1e300"), "1e+300");
  EXPECT_EQ(written(R"({"a":{"b":[1.5,{"c":"x\"y"},{}],"d":{}},"e":null})"),
            R"({"a":{"b":[1.5,{"c":"x\"y"},{}],"d":{}},"e":null})");
}

TEST(TextTest, WrittenNumbersReadBackExactly) {
  SeededRng rng(2);
  for (int i = 0; i < 2000; ++i) {
    const double number = (rng.unit() - 0.5) * std::pow(10.0, static_cast<double>(rng.below(40)) - 20);
    ASSERT_EQ(std::strtod(json_text(number).c_str(), nullptr), number);
  }
}

TEST(TextTest, EqualityIsByValue) {
  const auto same = [](std::string_view a, std::string_view b) {
    return same_value(boost::json::parse(a), boost::json::parse(b));
  };
  EXPECT_TRUE(same("21", "21.0"));
  EXPECT_TRUE(same(R"({"a":1,"b":[2]})", R"({"b":[2.0],"a":1})"));
  EXPECT_TRUE(same("null", "null"));
  EXPECT_FALSE(same("1", "\"1\""));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same(R"({"a":1})", R"({"a":1,"b":2})"));
  EXPECT_FALSE(same("9007199254740993", "9007199254740992"));
}

TEST(TextTest, CutsBetweenCharacters) {
  EXPECT_EQ(cut_text("abc", 5), "abc");
  EXPECT_EQ(cut_text("a\xc3\xa4", 2), "a");
  EXPECT_EQ(cut_text("\xe2\x82\xac", 2), "");
  EXPECT_EQ(cut_text("", 0), "");
}

TEST(KeysTest, TimesAndTenantsSortByValue) {
  EXPECT_LT(big_endian_64(-5), big_endian_64(3));
  EXPECT_LT(big_endian_64(255), big_endian_64(256));
  EXPECT_EQ(read_big_endian_64(big_endian_64(-1234567890123)), -1234567890123);
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xff\xff"), "b");
  EXPECT_EQ(prefix_end("\xff"), "");
}

struct CursorTest : testing::ServiceTest {};

TEST_F(CursorTest, ReadsBackWhatWasPut) {
  std::vector<hub::JournalPosition> positions;
  advance(positions, {0, 7});
  advance(positions, {2, 5});
  advance(positions, {0, 3});
  store::Batch batch;
  put_cursors(batch, "rules", positions);
  put_cursors(batch, "rules-2", {{0, 99}});
  keyed.write(*executor, std::move(batch), [](Result<void> written) { EXPECT_TRUE(written); });
  std::vector<hub::JournalPosition> found;
  read_cursors(*executor, keyed, "rules", [&](auto read) { found = *read; });
  settle();
  EXPECT_EQ(found, (std::vector<hub::JournalPosition>{{0, 7}, {2, 5}}));
}

/// What a reply was called with.
struct Answer {
  Reply reply() {
    return [this](Result<boost::json::value> result) {
      text = result ? boost::json::serialize(*result) : result.error().message;
    };
  }
  std::string text;
};

struct Row {
  int number = 0;
};
boost::json::object to_json(const Row& row) {
  return {{"n", row.number}};
}

TEST(ReplyTest, ARecordAListAndNothingHaveTheirForms) {
  Answer answer;
  reply_record(answer.reply())(Result<Row>(Row{7}));
  EXPECT_EQ(answer.text, R"({"n":7})");
  reply_list(answer.reply(), "rows")(Result<std::vector<Row>>({Row{1}, Row{2}}));
  EXPECT_EQ(answer.text, R"({"rows":[{"n":1},{"n":2}]})");
  reply_list(answer.reply(), "rows")(Result<std::vector<Row>>(std::vector<Row>{}));
  EXPECT_EQ(answer.text, R"({"rows":[]})");
  reply_nothing(answer.reply())({});
  EXPECT_EQ(answer.text, "{}");
  reply_with(answer.reply(), [](const Row& row) { return row.number + 1; })(Result<Row>(Row{1}));
  EXPECT_EQ(answer.text, "2");
}

TEST(ReplyTest, AnErrorIsPassedOn) {
  Answer answer;
  reply_record(answer.reply())(Result<Row>(fail(Errc::not_found, "no row")));
  EXPECT_EQ(answer.text, "no row");
  reply_list(answer.reply(), "rows")(Result<std::vector<Row>>(fail(Errc::unavailable, "no list")));
  EXPECT_EQ(answer.text, "no list");
  reply_nothing(answer.reply())(fail(Errc::conflict, "not now"));
  EXPECT_EQ(answer.text, "not now");
}

struct RetryTest : testing::ServiceTest {};

TEST_F(RetryTest, RunsTheTaskOnceAfterTheIntervalAndCountsIt) {
  Retry retry(*executor, *metrics, "shadow");
  int ran = 0;
  retry.later("it is not stored", "store", Error{Errc::no_space, "full"}, [&] { ++ran; });
  pass(kRetryInterval - std::chrono::milliseconds{200});
  EXPECT_EQ(ran, 0);
  pass(std::chrono::milliseconds{400});
  EXPECT_EQ(ran, 1);
  retry.later([&] { ++ran; });
  pass(std::chrono::seconds{5});
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(counted("dunlin_shadow_write_retries_total"), 2);
}

TEST_F(RetryTest, ForgetsTheTaskWithItsOwner) {
  int ran = 0;
  {
    Retry retry(*executor, *metrics, "shadow");
    retry.later([&] { ++ran; });
  }
  pass(std::chrono::seconds{5});
  EXPECT_EQ(ran, 0);
}

/// Operations whose calls are recorded as texts.
struct OperationAudit : ::testing::Test {
  static constexpr Field kRequest[] = {{"thing", FieldType::text, Need::required, ""},
                                       {"secret", FieldType::text, Need::optional, ""}};
  static constexpr Field kFilter[] = {{"filter", FieldType::text, Need::required, ""}};
  OperationTable table;
  std::vector<std::string> records;
  Result<void> stored;
  Result<boost::json::value> result = boost::json::value("done");

  OperationAudit() {
    const auto handler = [this](const Caller&, boost::json::object, Reply reply) { reply(result); };
    table.add({"a.read", Method::get, "/a/{thing}", "", "a:read", kRequest, {}, {}}, handler);
    table.add({"a.put", Method::put, "/a/{thing}", "", "a:write", kRequest, {}, {}}, handler);
    table.add({"a.all", Method::post, "/a", "", "a:write", {}, {}, {}}, handler);
    table.add({"a.clear", Method::del, "/a", "", "a:write", kFilter, {}, {}, Audited::by_table, "filter"},
              handler);
    table.add({"a.own", Method::post, "/own", "", "a:write", {}, {}, {}, Audited::by_handler}, handler);
    table.add({"a.test", Method::post, "/test", "", "a:write", {}, {}, {}, Audited::not_at_all}, handler);
    table.record_calls([this](const Caller& caller, const CallRecord& call, auto recorded) {
      constexpr std::array<std::string_view, 3> kOutcomes = {"done", "denied", "failed"};
      records.push_back(caller.principal->name + " " + std::string(call.action) + " " + call.object + " " +
                        std::string(kOutcomes.at(static_cast<std::size_t>(call.outcome))) + " [" +
                        call.detail + "]");
      recorded(stored);
    });
  }
  /// The error of the answer.
  std::optional<Errc> call(std::string_view name, boost::json::object request,
                           const std::string& permission = "*") {
    auto user = std::make_shared<Principal>();
    user->kind = PrincipalKind::user;
    user->name = "ada";
    user->permissions = {permission};
    std::optional<Errc> code = Errc::internal;
    table.invoke(*table.find(name), {std::move(user), "test"}, std::move(request),
                 [&code](const Result<boost::json::value>& answer) {
                   code = answer ? std::nullopt : std::optional(answer.error().code);
                 });
    return code;
  }
};

TEST_F(OperationAudit, WhatChangesSomethingIsRecordedBeforeItIsAnswered) {
  EXPECT_EQ(call("a.read", {{"thing", "x"}}), std::nullopt);
  EXPECT_EQ(call("a.own", {}), std::nullopt);
  EXPECT_EQ(call("a.test", {}), std::nullopt);
  EXPECT_THAT(records, ::testing::IsEmpty());
  EXPECT_EQ(call("a.put", {{"thing", "x"}, {"secret", "s3"}}), std::nullopt);
  EXPECT_EQ(call("a.all", {}), std::nullopt);
  EXPECT_EQ(call("a.clear", {{"filter", "t/#"}}), std::nullopt);
  EXPECT_THAT(records, ::testing::ElementsAre("ada a.put x done [with secret]", "ada a.all a done []",
                                              "ada a.clear t/# done []"));
  stored = fail(Errc::no_space, "full");
  EXPECT_EQ(call("a.all", {}), Errc::no_space) << "a change that is not recorded is not acknowledged";
}

TEST_F(OperationAudit, AnswersOfWhatMayHaveChangedSomethingWaitUntilItHasArrived) {
  std::vector<Task> waiting;
  table.answer_behind([&](Task done) { waiting.push_back(std::move(done)); });
  EXPECT_EQ(call("a.read", {{"thing", "x"}}), std::nullopt);
  EXPECT_EQ(call("a.test", {}), std::nullopt);
  EXPECT_THAT(waiting, ::testing::IsEmpty());
  std::optional<Result<boost::json::value>> answer;
  auto user = std::make_shared<Principal>();
  user->kind = PrincipalKind::user;
  user->permissions = {"*"};
  for (const char* name : {"a.own", "a.all"}) {
    answer.reset();
    table.invoke(*table.find(name), {user, "test"}, {}, [&](auto given) { answer = std::move(given); });
    EXPECT_FALSE(answer.has_value()) << name;
    ASSERT_EQ(waiting.size(), 1U) << name;
    waiting.front()();
    waiting.clear();
    ASSERT_TRUE(answer.has_value()) << name;
    EXPECT_TRUE(answer->has_value()) << name;
  }
}

TEST_F(OperationAudit, WhatIsRefusedForWantOfAPermissionIsRecorded) {
  EXPECT_EQ(call("a.put", {{"thing", "x"}, {"secret", "s3"}}, "a:read"), Errc::permission_denied);
  EXPECT_EQ(call("a.read", {{"thing", "y"}}, "b:read"), Errc::permission_denied);
  result = fail(Errc::permission_denied, "not yours to give");
  EXPECT_EQ(call("a.own", {}), Errc::permission_denied);
  EXPECT_THAT(records, ::testing::ElementsAre("ada a.put x denied []", "ada a.read y denied []",
                                              "ada a.own a denied []"));
}

TEST_F(OperationAudit, ARefusedChangeIsNoChangeAndABrokenOneMayBeOne) {
  result = fail(Errc::not_found, "no");
  EXPECT_EQ(call("a.put", {{"thing", "x"}}), Errc::not_found);
  EXPECT_THAT(records, ::testing::IsEmpty());
  result = fail(Errc::io, "the disk is gone");
  EXPECT_EQ(call("a.put", {{"thing", "x"}}), Errc::io);
  EXPECT_EQ(call("a.own", {}), Errc::io);
  EXPECT_THAT(records, ::testing::ElementsAre("ada a.put x failed [the disk is gone]"));
}

TEST(ThingNameTest, AThingCouldBeMadeThatNoCredentialIsGivenTo) {
  EXPECT_FALSE(check_thing_name("user-1"));
  for (const char* name : {"user", "user_1", "my-user-1", "User-1"})
    EXPECT_TRUE(check_thing_name(name)) << name;
}

TEST(PermissionTest, AGroupsStarDoesNotReachOtherGroups) {
  Principal principal;
  principal.permissions = {"thing:*"};
  EXPECT_FALSE(has_permission(principal, "things:read"));
  EXPECT_FALSE(has_permission(principal, "rules:read"));
}

}  // namespace
}  // namespace dunlin::model
