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

}  // namespace
}  // namespace dunlin::apps
