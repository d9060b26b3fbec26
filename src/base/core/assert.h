#pragma once
// What must hold is checked in release builds too: a wrong state is worth less than a restart.

namespace dunlin {

/// Writes the expression and place to standard error and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

/// Reports a doubtful but survivable state: counts it and writes it once per place; aborts where
/// DUNLIN_FATAL_BUGS is 1.
void bug_found(const char* expression, const char* file, int line);

/// How often bug_found() has been reached in this process. Any thread.
unsigned long bugs_found();

}  // namespace dunlin

#define DUNLIN_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::dunlin::assertion_failed(#condition, __FILE__, __LINE__))

#ifndef DUNLIN_FATAL_BUGS
#define DUNLIN_FATAL_BUGS 0
#endif

/// Evaluates to the condition, so that the caller can leave early: `if (!DUNLIN_EXPECT(x > 0)) return;`
#define DUNLIN_EXPECT(condition)                                                                 \
  ((condition) ? true                                                                            \
               : (DUNLIN_FATAL_BUGS ? ::dunlin::assertion_failed(#condition, __FILE__, __LINE__) \
                                    : ::dunlin::bug_found(#condition, __FILE__, __LINE__),       \
                  false))
