#pragma once
// A value of the rules' SQL, while a statement is evaluated.

#include <cstdint>
#include <span>
#include <string_view>

namespace dunlin::rules {

struct Member;

/// 16 bytes, copied as they are. What it points at (texts, elements, members) belongs to the payload, to the
/// statement or to the evaluation's arena. The default is Undefined: no value, not even null, and never an
/// error.
///
/// A number is `mantissa * 10^-scale` without zeros at its end, so 10.0 is the whole number 10 and fractions
/// are exact. One that does not fit is the text of a JSON number ("big").
class Value {
 public:
  enum class Kind : std::uint8_t { undefined, null, boolean, number, big, text, array, object };
  static constexpr int kMaxScale = 18;

  constexpr Value() = default;
  static constexpr Value null() { return Value(Kind::null); }
  static constexpr Value boolean(bool truth) {
    Value value(Kind::boolean);
    value.whole_ = truth ? 1 : 0;
    return value;
  }
  static constexpr Value whole(std::int64_t number) {
    Value value(Kind::number);
    value.whole_ = number;
    return value;
  }
  /// `scale` from 0 to kMaxScale; above 0 the last digit of the mantissa must not be 0.
  static constexpr Value scaled(std::int64_t mantissa, int scale) {
    Value value = whole(mantissa);
    value.scale_ = static_cast<std::uint8_t>(scale);
    return value;
  }
  static constexpr Value big(std::string_view json_number) { return Value(Kind::big, json_number); }
  static constexpr Value text(std::string_view text) { return Value(Kind::text, text); }
  static Value array(std::span<const Value> elements) {
    Value value(Kind::array);
    value.size_ = static_cast<std::uint32_t>(elements.size());
    value.elements_ = elements.data();
    return value;
  }
  static Value object(std::span<const Member> members);

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_undefined() const { return kind_ == Kind::undefined; }
  constexpr bool is_null() const { return kind_ == Kind::null; }
  constexpr bool is_boolean() const { return kind_ == Kind::boolean; }
  constexpr bool is_number() const { return kind_ == Kind::number || kind_ == Kind::big; }
  constexpr bool is_text() const { return kind_ == Kind::text; }
  constexpr bool is_array() const { return kind_ == Kind::array; }
  constexpr bool is_object() const { return kind_ == Kind::object; }
  constexpr bool is_true() const { return kind_ == Kind::boolean && whole_ != 0; }

  /// Of a boolean.
  constexpr bool truth() const { return whole_ != 0; }
  /// Of a number that is not big.
  constexpr std::int64_t mantissa() const { return whole_; }
  constexpr int scale() const { return scale_; }
  /// Of a text or a big number.
  constexpr std::string_view characters() const { return {text_, size_}; }
  std::span<const Value> elements() const { return {elements_, size_}; }
  std::span<const Member> members() const;

 private:
  constexpr explicit Value(Kind kind) : kind_(kind) {}
  constexpr Value(Kind kind, std::string_view characters)
      : kind_(kind), size_(static_cast<std::uint32_t>(characters.size())), text_(characters.data()) {}

  Kind kind_ = Kind::undefined;
  std::uint8_t scale_ = 0;
  std::uint32_t size_ = 0;
  union {
    std::int64_t whole_ = 0;
    const char* text_;
    const Value* elements_;
    const Member* members_;
  };
};
static_assert(sizeof(Value) == 16);

struct Member {
  std::string_view name;
  Value value;
};

inline Value Value::object(std::span<const Member> members) {
  Value value(Kind::object);
  value.size_ = static_cast<std::uint32_t>(members.size());
  value.members_ = members.data();
  return value;
}
inline std::span<const Member> Value::members() const {
  return {members_, size_};
}

/// The object's member; Undefined where there is none, or no object.
inline Value member_of(Value object, std::string_view name) {
  if (!object.is_object()) return {};
  for (const Member& member : object.members()) {
    if (member.name == name) return member.value;
  }
  return {};
}

}  // namespace dunlin::rules
