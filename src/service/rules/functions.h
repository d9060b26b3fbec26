#pragma once
// The functions of the rules' SQL by name.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "service/rules/evaluation.h"
#include "service/rules/value.h"

namespace dunlin::rules {

using Arguments = std::span<const Value>;

struct Function {
  std::string_view name;  // in small letters
  std::size_t least = 0;  // arguments; another number gives Undefined
  std::size_t most = 0;
  Value (*call)(Evaluation&, Arguments) = nullptr;  // null: external, see externals.h
};

/// Null: there is none. Case does not count.
const Function* find_function(std::string_view name);
/// For a suggestion and for completion.
std::vector<std::string_view> function_names();
/// cast(x AS T); null: there is no such T.
const Function* find_cast(std::string_view type);
std::span<const std::string_view> cast_types();
/// encode(*, 'base64'): of the payload's bytes, JSON or not.
const Function& encode_payload();

// By theme, each in a file of its own.
std::span<const Function> math_functions();
std::span<const Function> text_functions();
std::span<const Function> structure_functions();
std::span<const Function> message_functions();
std::span<const Function> coding_functions();
std::span<const Function> time_functions();
std::span<const Function> external_functions();

}  // namespace dunlin::rules
