#pragma once
// The name of a thing, made of what its certificate or the device itself says.

#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::provision {

/// What a pattern may ask for. Empty: not there.
struct NameFacts {
  std::string asked{};          // {name}: what the device calls itself
  std::string common_name{};    // {cn}
  std::string thing_name{};     // {san}: of urn:dunlin:thing:NAME
  std::string serial{};         // {serial}: the certificate's number, hexadecimal
  std::string organisation{};   // {o}
  std::string unit{};           // {ou}
  std::string serial_number{};  // {sn}: the attribute of the subject
};

/// Errors: invalid_argument (an unknown place, a brace that is not closed, a character that no name has, more
/// than one '*'), limit_exceeded.
Result<void> check_pattern(std::string_view pattern);

/// The name by the pattern. A '*' stands for any run of characters: then the device must ask for a name that
/// fits. An empty pattern gives the certificate's thing name, else its common name, else the name asked for.
/// A device that asks for a name must ask for the one that comes out. Errors: invalid_argument (no valid
/// name), permission_denied (another name than asked for, or a part that is not there).
Result<std::string> name_by(std::string_view pattern, const NameFacts& facts);

}  // namespace dunlin::provision
