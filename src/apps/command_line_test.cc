#include "apps/command_line.h"

#include <gmock/gmock.h>

#include "platform/status.h"
#include "transport/http/openapi.h"

namespace dunlin::apps {
namespace {

std::variant<Command, Exit> read(const std::vector<std::string>& words) {
  std::vector<const char*> arguments{"dunlin"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  return read_command_line(static_cast<int>(arguments.size()), arguments.data());
}

/// "noun verb", its path's parts as given, and what else it needs.
std::vector<std::string> words_of(const model::OperationSpec& spec, std::string_view part_of_path) {
  const std::size_t dot = spec.name.find('.');
  std::vector<std::string> words{std::string(spec.name.substr(0, dot)),
                                 std::string(spec.name.substr(dot + 1))};
  const auto in_path = transport::path_fields(spec.path);
  for (const model::Field& field : spec.request) {
    if (std::ranges::find(in_path, field.name) != in_path.end()) {
      words.emplace_back(part_of_path);
    } else if (field.need == model::Need::required) {
      words.push_back("--" + std::string(field.name));
      words.emplace_back("x");
    }
  }
  return words;
}

TEST(CommandLineTest, AnEmptyNameWasSentToAPathThatIsAnotherOperations) {
  std::size_t tried = 0;
  for (const model::OperationSpec& spec : platform::all_operations()) {
    if (transport::path_fields(spec.path).empty()) continue;
    ++tried;
    const auto named = read(words_of(spec, "x"));
    const auto* call = std::get_if<Command>(&named);
    ASSERT_TRUE(call != nullptr && std::holds_alternative<CallCommand>(*call)) << spec.name;
    const auto unnamed = read(words_of(spec, ""));
    const auto* refused = std::get_if<Exit>(&unnamed);
    ASSERT_NE(refused, nullptr) << spec.name;
    EXPECT_EQ(refused->status, 2) << spec.name;
    EXPECT_THAT(refused->output, testing::HasSubstr("must not be empty")) << spec.name;
    EXPECT_THAT(refused->output, testing::HasSubstr(transport::path_fields(spec.path).front())) << spec.name;
  }
  EXPECT_GT(tried, 15U);
}

TEST(CommandLineTest, TheRootCertificateGoesIntoAFile) {
  const auto parsed = read({"ca", "get", "--out", "ca.pem"});
  const auto* command = std::get_if<Command>(&parsed);
  ASSERT_TRUE(command != nullptr && std::holds_alternative<CallCommand>(*command));
  EXPECT_EQ(std::get<CallCommand>(*command).out_file, "ca.pem");
}

TEST(CommandLineTest, ATraceHasABoundedTime) {
  for (const auto& [text, seconds] :
       std::initializer_list<std::pair<const char*, std::int64_t>>{{"30s", 30}, {"90", 90}, {"10m", 600}}) {
    const auto parsed = read({"trace", "--client", "press-01", "--for", text});
    const auto* command = std::get_if<Command>(&parsed);
    ASSERT_TRUE(command != nullptr && std::holds_alternative<TraceCommand>(*command)) << text;
    EXPECT_EQ(std::get<TraceCommand>(*command).seconds, seconds);
  }
  for (const char* wrong : {"11m", "601", "0", "-5s", "soon", "", "m"}) {
    const auto parsed = read({"trace", "--for", wrong});
    const auto* refused = std::get_if<Exit>(&parsed);
    ASSERT_NE(refused, nullptr) << wrong;
    EXPECT_EQ(refused->status, 2) << wrong;
  }
}

TEST(CommandLineTest, ExplainAsksTheSessionsOperation) {
  const auto parsed = read({"explain", "--client", "a/b", "--topic", "t", "--qos", "1"});
  const auto* command = std::get_if<Command>(&parsed);
  ASSERT_TRUE(command != nullptr && std::holds_alternative<CallCommand>(*command));
  const auto& call = std::get<CallCommand>(*command);
  EXPECT_EQ(call.operation.name, "session.explain");
  EXPECT_THAT(call.fields,
              testing::UnorderedElementsAre(testing::Pair("client_id", "a/b"), testing::Pair("topic", "t"),
                                            testing::Pair("qos", "1")));
  const auto incomplete = read({"explain", "--topic", "t"});
  EXPECT_TRUE(std::holds_alternative<Exit>(incomplete));
}

}  // namespace
}  // namespace dunlin::apps
