// Any text as a file, as an environment value and as a setting: no crash, and what loads shows again as a
// file that loads.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/core/assert.h"
#include "base/core/bytes.h"

namespace {

struct Values {
  bool flag = false;
  std::int64_t number = 1;
  double share = 0.5;
  std::string text = "x";
  std::vector<std::string> list;
  dunlin::Duration delay = std::chrono::seconds{1};
  std::uint64_t size = 1;

  void declare(dunlin::config::Schema& schema) {
    schema.key("flag", "Flag.", flag);
    schema.key("a.number", "Number.", number, INT64_MIN, INT64_MAX);
    schema.key("a.share", "Share.", share, -1e300, 1e300);
    schema.key("a.b.text", "Text.", text);
    schema.key("list", "List.", list);
    schema.key("a.delay", "Delay.", delay, dunlin::Duration::zero(), dunlin::Duration::max());
    schema.bytes("size", "Size.", size, 0, UINT64_MAX);
    schema.table_array("row", "Row.", [](dunlin::config::Schema& row) {
      auto value = std::make_shared<std::string>();  // shared: std::function must be copyable
      row.key("name", "Name.", *value);
      return [value]() -> dunlin::Result<void> { return {}; };
    });
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(dunlin::as_text({data, size}));
  Values values;
  dunlin::config::Schema schema;
  values.declare(schema);
  const auto set = [&](std::string name) {
    return schema.load({"", "", {}, {std::move(name) + "=" + input}});
  };
  static_cast<void>(schema.load({"", "", {}, {input}}));
  for (const char* name : {"flag", "a.number", "a.share", "a.b.text", "list", "a.delay", "size"})
    static_cast<void>(set(name));
  static_cast<void>(schema.load({"f", input, {{"DUNLIN_A__DELAY", input.c_str()}}, {}}));

  const std::string shown = schema.reference();
  DUNLIN_ASSERT(schema.load({"f", shown, {}, {}}));
  DUNLIN_ASSERT(schema.reference() == shown);
  return 0;
}
