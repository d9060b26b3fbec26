#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "model/mapping.h"
#include "model/operation.h"

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
  const auto mapped = Mapping::standard().samples_of(message("a/b/c/d/temp.summary", R"({"mean":1.5,"count":60,"t":5,"note":"x"})"));
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
  EXPECT_EQ(Mapping::make({{"a/{site}/+", PayloadShape::json, "x", ""}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(Mapping::make({{"a/{device_id}", PayloadShape::json, "", ""}}).error().code, Errc::invalid_argument);
  EXPECT_NE(Mapping::make({{"a/{device}", PayloadShape::json, "x", ""}}).error().message.find("{device}"), std::string::npos);
  const auto mapping = Mapping::make({{"v1/{device_id}/telemetry", PayloadShape::json, "telemetry", ""}});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->filters(), (std::vector<std::string>{"v1/+/telemetry"}));
}

struct OperationTest : testing::Test {
  static constexpr Field kRequest[] = {{"thing", FieldType::text, Need::required, "name"},
                                       {"limit", FieldType::integer, Need::optional, "rows"}};
  OperationTable table;
  OperationSpec spec{"thing.get", Method::get, "/api/things/{thing}", "One thing.", "things:read", kRequest, {}, {}};

  Result<boost::json::value> invoke(Principal principal, boost::json::object request) {
    if (table.all().empty()) {
      table.add(spec, [](const Caller&, boost::json::object body, Reply reply) { reply(boost::json::value(std::move(body))); });
    }
    Result<boost::json::value> answer = fail(Errc::internal, "no reply");
    table.invoke(*table.find("thing.get"), Caller{std::make_shared<Principal>(std::move(principal)), "test"}, std::move(request),
                 [&](Result<boost::json::value> result) { answer = std::move(result); });
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
  EXPECT_NE(invoke(user({"*"}), {{"thing", 1}}).error().message.find("must be of type string"), std::string::npos);
  EXPECT_NE(invoke(user({"*"}), {{"thing", "a"}, {"x", 1}}).error().message.find("unknown field \"x\""), std::string::npos);
  EXPECT_TRUE(invoke(user({"things:read"}), {{"thing", "a"}, {"limit", nullptr}}));
  EXPECT_TRUE(invoke(user({"things:*"}), {{"thing", "a"}, {"limit", 5}}));
}

TEST(PermissionTest, AGroupsStarDoesNotReachOtherGroups) {
  Principal principal;
  principal.permissions = {"thing:*"};
  EXPECT_FALSE(has_permission(principal, "things:read"));
  EXPECT_FALSE(has_permission(principal, "rules:read"));
}

}  // namespace
}  // namespace dunlin::model
