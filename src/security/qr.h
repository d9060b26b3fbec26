#pragma once
// A text as a QR code (ISO/IEC 18004), with error correction of level M: what a phone or a scanner at the
// line reads off a screen.

#include <string>
#include <string_view>

#include "base/result.h"

namespace dunlin::security {

/// An SVG image of black squares on white with a quiet zone of four. Errors: invalid_argument (the text does
/// not fit).
Result<std::string> qr_svg(std::string_view text);
/// The same for a terminal, in half blocks; two modules per line of text, dark on light as it must be, so
/// light modules are drawn. Errors: as qr_svg().
Result<std::string> qr_text(std::string_view text);

}  // namespace dunlin::security
