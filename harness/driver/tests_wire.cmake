# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what goes over wires to the board: the probe, the update clients, faults between them and the board.
foreach(probe openocd gdb exec)
  otarig_test(WIRE NAME test_probe_${probe} SOURCES ${CMAKE_CURRENT_LIST_DIR}/probe/test_probe_${probe}.c
              ${CMAKE_CURRENT_LIST_DIR}/probe/test_probe_bench.c LIBS otarig_driver)
endforeach()
target_compile_definitions(test_probe_gdb PRIVATE OTARIG_TWIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-twin"
                           OTARIG_DATA="${CMAKE_SOURCE_DIR}" OTARIG_WRAPPER="${CMAKE_CURRENT_LIST_DIR}/probe/test_openocd_pid.sh")
target_compile_definitions(test_probe_exec PRIVATE OTARIG_TWIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-twin"
                           OTARIG_DATA="${CMAKE_SOURCE_DIR}")
target_compile_definitions(test_probe_openocd PRIVATE OTARIG_TWIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-twin"
                           OTARIG_WRAPPER="${CMAKE_CURRENT_LIST_DIR}/probe/test_openocd_pid.sh")
add_test(NAME test_probe_openocd_buspirate COMMAND test_probe_openocd)
set_tests_properties(test_probe_openocd_buspirate PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${OTARIG_UNIT_S}
                     ENVIRONMENT OTARIG_TEST_ADAPTER=buspirate)
add_dependencies(test_probe_openocd otarig-twin)
add_dependencies(test_probe_gdb otarig-twin)
add_dependencies(test_probe_exec otarig-twin)
otarig_test(NAME test_gdb_rsp SOURCES ${CMAKE_CURRENT_LIST_DIR}/probe/test_gdb_rsp.c LIBS otarig_driver)
otarig_test(NAME test_link_fault SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_link_fault.c LIBS otarig_driver)
otarig_test(NAME test_smp_frame SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/test_smp_frame.c LIBS otarig_driver)
foreach(name test_update_smp test_smp_field test_smp_place)
  otarig_test(NAME ${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/${name}.c ${CMAKE_CURRENT_LIST_DIR}/update/test_smp_board.c
              ${CMAKE_CURRENT_LIST_DIR}/update/test_smp_bench.c LIBS otarig_driver)
endforeach()
foreach(name test_update_exec test_update_xmodem)
  otarig_test(WIRE NAME ${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/${name}.c ${CMAKE_CURRENT_LIST_DIR}/update/test_exec_bench.c
              LIBS otarig_driver)
endforeach()
otarig_test(NAME test_fetch SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/test_fetch.c LIBS otarig_driver)
otarig_test(NAME test_tcl_rpc SOURCES ${CMAKE_CURRENT_LIST_DIR}/probe/test_tcl_rpc.c LIBS otarig_driver)
otarig_test(NAME test_update_probe SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/test_update_probe.c LIBS otarig_driver)
otarig_test(WIRE NAME test_update_board SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/test_update_board.c LIBS otarig_driver)
target_compile_definitions(test_update_board PRIVATE OTARIG_TWIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-twin"
                           OTARIG_FIRMWARE="${CMAKE_BINARY_DIR}/firmware/good")
# the same with what prints and answers like MCUboot with Zephyr, also where log lines and line ends are odd
foreach(variant good noisy lf-cr)
  string(REPLACE "update_stock_good" "update_stock" name test_update_stock_${variant})
  otarig_test(WIRE NAME ${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/update/test_update_board.c LIBS otarig_driver)
  target_compile_definitions(${name} PRIVATE OTARIG_TWIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-twin"
                             OTARIG_FIRMWARE="${CMAKE_BINARY_DIR}/firmware/stock/${variant}" SLOT0=0xC000u
                             V1_STARTS="Image version: v1" V2_STARTS="Image version: v2")
endforeach()

# fuzz NAME ROOM SOURCE...: the sources once more, so that coverage and sanitizers reach all of them
function(wire_fuzz name room)
  add_executable(${name} ${room}/${name}.c ${ARGN})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_libraries(${name} PRIVATE otarig_base otarig_io PkgConfig::CBOR PkgConfig::CRYPTO PkgConfig::CJSON PkgConfig::EXPAT)
  add_test(NAME ${name} COMMAND ${name} -runs=20000 -seed=1 -max_len=3000 -rss_limit_mb=2000)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${OTARIG_UNIT_S})
endfunction()
if(OTARIG_FUZZ)
  wire_fuzz(fuzz_smp update update/smp_frame.c update/smp_mend.c update/smp_base64.c update/smp_msg.c update/smp_status.c ../base/mcuboot_image.c)
  wire_fuzz(fuzz_gdb probe probe/gdb_link.c probe/gdb_rsp.c probe/gdb_map.c)
  wire_fuzz(fuzz_tcl probe probe/tcl_rpc.c probe/probe_openocd_verbs.c)
endif()
