#pragma once
// Header fields in the order they were sent; names compare without regard to case (RFC 9110 section 5.1).

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::net::http {

/// ASCII only, as protocol names are.
bool equals_ignoring_case(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);
/// The elements of a comma-separated list, trimmed, empty ones left out (RFC 9110 section 5.6.1). Views into
/// `value`.
std::vector<std::string_view> list_elements(std::string_view value);
/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text);
/// True if the text may be sent as a field value: no control character but the tab (RFC 9110 section 5.5).
bool is_field_value(std::string_view text);

/// A value type. Any thread, one at a time.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);

  /// The first value of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  /// True if any field of that name, read as a list, holds `token` (without regard to case).
  bool has_token(std::string_view name, std::string_view token) const;

  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

}  // namespace dunlin::net::http
