# Tests of what operates a place: power and console.
otarig_test(NAME test_console_stream SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_console_stream.c LIBS otarig_driver)
otarig_test(NAME test_power_exec SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_power_exec.c LIBS otarig_driver)
