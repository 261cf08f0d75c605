(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from run.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* pstate_sanitise: 0=pstate 1=type 2=mode 3=aarch32 *)
Definition f_pstate_sanitise : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SAssign 2 (EBin And U64 (EVar 0) (EConst 31));;
  SCall (Some 3) "get_has_aarch32" [];;
  SIf (ELOr (ELOr (ECmp Eq (EVar 2) (EConst 0)) (ECmp Eq (EVar 2) (EConst 4))) (ECmp Eq (EVar 2) (EConst 5)))
    (SReturn (Some (EVar 0)))
    (SSkip);;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 2) (EConst 16)) (ECmp Ne (EVar 3) (EConst 0))) (ECmp Eq (EVar 1) (EConst 0)))
    (SReturn (Some (EVar 0)))
    (SSkip);;
  SReturn (Some (EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 0) (EBNot U64 (EConst 31))) (EConst 1048576)) (EConst 5)))).

(* pstate_aarch32: 0=pstate 1=mode *)
Definition f_pstate_aarch32 : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EVar 0) (EConst 31));;
  SIf (ELOr (ELOr (ELOr (ELAnd (ECmp Ge (EVar 1) (EConst 16)) (ECmp Le (EVar 1) (EConst 19))) (ECmp Eq (EVar 1) (EConst 23))) (ECmp Eq (EVar 1) (EConst 27))) (ECmp Eq (EVar 1) (EConst 31)))
    (SReturn (Some (EVar 0)))
    (SSkip);;
  SReturn (Some (EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 0) (EBNot U64 (EConst 31))) (EConst 1048576)) (EConst 19)))).

(* vcpu_boot: 0=vcpu 1=context 2=entry 3=x0 4=i *)
Definition f_vcpu_boot : fundef := mkfun 2 [U64; U64; U64; U64; U64] None (
  SCall None "lock_acquire" [];;
  SCall (Some 2) "get_vcpu_entry" [(EVar 0)];;
  SCall (Some 3) "get_vcpu_entry_x0" [(EVar 0)];;
  SCall None "set_vcpu_power" [(EVar 0); (EConst 1)];;
  SCall None "lock_release" [];;
  SFor 4 U64 (EConst 0) (EBin Div U64 (EConst 464) (EConst 8)) 1
    (SCall None "page_store" [(EVar 1); (EBin Mul U64 (EVar 4) (EConst 8)); (EConst 0)]);;
  SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 3)];;
  SCall None "page_store" [(EVar 1); (EConst 248); (EVar 2)];;
  SCall None "page_store" [(EVar 1); (EConst 256); (EBin Or U64 (EConst 960) (EConst 5))];;
  SCall None "page_store" [(EVar 1); (EConst 280); (EConst 12912696)]).

(* run_check: 0=vcpu 1=type 2=flags 3=power 4=pending 5=esr 6=allowed *)
Definition f_run_check : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vcpu_power" [(EVar 0)];;
  SCall (Some 4) "get_vcpu_pending" [(EVar 0)];;
  SCall (Some 5) "get_vcpu_esr" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 0))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ECmp Eq (EVar 3) (EConst 0))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall (Some 6) "enter_allowed" [(EVar 4); (EVar 5); (EVar 2)];;
  SReturn (Some (ECond (ECmp Ne (EVar 6) (EConst 0)) (EConst 0) (EConst 18446744073709551615)))).

(* hcr_normal: 0=wishes 1=aarch32 *)
Definition f_hcr_normal : fundef := mkfun 1 [U64; U64] (Some U64) (
  SIf (ECmp Eq (EBin And U64 (EVar 0) (EBin Shl U64 (EConst 1) (EConst 31))) (EConst 0))
    (SCall (Some 1) "get_has_aarch32" [];;
    SIf (ECmp Eq (EVar 1) (EConst 2))
      (SReturn (Some (EBin Or U64 (EConst 34367604287) (EBin And U64 (EVar 0) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 1) (EConst 6)) (EBin Shl U64 (EConst 1) (EConst 7))) (EBin Shl U64 (EConst 1) (EConst 8))) (EBin Shl U64 (EConst 1) (EConst 13))) (EBin Shl U64 (EConst 1) (EConst 14))) (EBin Shl U64 (EConst 1) (EConst 17))) (EBin Shl U64 (EConst 1) (EConst 26))) (EBin Shl U64 (EConst 1) (EConst 40))) (EBin Shl U64 (EConst 1) (EConst 41))) (EBin Shl U64 (EConst 1) (EConst 18)))))))
      (SSkip))
    (SSkip);;
  SReturn (Some (EBin Or U64 (EConst 36515350079) (EBin And U64 (EVar 0) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 1) (EConst 6)) (EBin Shl U64 (EConst 1) (EConst 7))) (EBin Shl U64 (EConst 1) (EConst 8))) (EBin Shl U64 (EConst 1) (EConst 13))) (EBin Shl U64 (EConst 1) (EConst 14))) (EBin Shl U64 (EConst 1) (EConst 17))) (EBin Shl U64 (EConst 1) (EConst 26))) (EBin Shl U64 (EConst 1) (EConst 40))) (EBin Shl U64 (EConst 1) (EConst 41))))))).

(* aarch32_enter: 0=page 1=fp 2=v 3=cptr *)
Definition f_aarch32_enter : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SCall (Some 2) "page_load" [(EVar 0); (EConst 832)];;
  SCall (Some 3) "host_cptr" [];;
  SCall None "cptr_write" [(EVar 3)];;
  SCall None "isb" [];;
  SCall None "fpexc_write" [(ECond (ECmp Ne (EVar 1) (EConst 0)) (EVar 2) (EConst 1073741824))];;
  SCall None "a32_load" [(EVar 0)]).

(* aarch32_leave: 0=page 1=fp 2=v *)
Definition f_aarch32_leave : fundef := mkfun 2 [U64; U64; U64] None (
  SCall None "a32_save" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 0))
    (SCall (Some 2) "fpexc_read" [];;
    SCall None "page_store" [(EVar 0); (EConst 832); (EVar 2)])
    (SSkip)).

(* guest_controls: 0=cpu 1=vcpu 2=type 3=page 4=vm 5=hcr 6=ras 7=fp 8=traps 9=sve 10=v *)
Definition f_guest_controls : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SAssign 4 (EBin Div U64 (EVar 1) (EConst 16));;
  SCall (Some 5) "page_load" [(EVar 3); (EConst 480)];;
  SCall (Some 6) "get_has_ras" [];;
  SCall (Some 7) "get_cpu_fp" [(EVar 0)];;
  SAssign 8 (EConst 0);;
  SAssign 9 (EConst 0);;
  SIf (ECmp Eq (EVar 2) (EConst 0))
    (SCall (Some 10) "page_load" [(EVar 3); (EConst 464)];;
    SCall None "vmpidr_write" [(EVar 10)];;
    SCall (Some 5) "hcr_normal" [(EVar 5)];;
    SCall (Some 8) "page_load" [(EVar 3); (EConst 504)];;
    SCall (Some 9) "page_load" [(EVar 3); (EConst 264)])
    (SCall None "vmpidr_write" [(EBin Or U64 (EConst 2147483648) (EBin Mod U64 (EVar 1) (EConst 16)))];;
    SAssign 5 (EBin Or U64 (EConst 288230412667127359) (EBin And U64 (EVar 5) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EBin Shl U64 (EConst 1) (EConst 6)) (EBin Shl U64 (EConst 1) (EConst 7))) (EBin Shl U64 (EConst 1) (EConst 8))) (EBin Shl U64 (EConst 1) (EConst 13))) (EBin Shl U64 (EConst 1) (EConst 14))))));;
  SIf (ELAnd (ECmp Ne (EVar 6) (EConst 0)) (ECmp Ne (EBin And U64 (EVar 5) (EBin Shl U64 (EConst 1) (EConst 8))) (EConst 0)))
    (SCall (Some 10) "page_load" [(EVar 3); (EConst 496)];;
    SCall None "vsesr_write" [(EBin And U64 (EVar 10) (EConst 33554431))])
    (SSkip);;
  SCall None "hcr_write" [(ECond (ECmp Ne (EVar 6) (EConst 0)) (EBin Or U64 (EVar 5) (EConst 206158430208)) (EVar 5))];;
  SIf (ECmp Eq (EBin And U64 (EVar 5) (EBin Shl U64 (EConst 1) (EConst 31))) (EConst 0))
    (SCall None "aarch32_enter" [(EVar 3); (EVar 7)])
    (SSkip);;
  SCall (Some 10) "host_cptr" [];;
  SIf (ELAnd (ELAnd (ECmp Ne (EBin And U64 (EVar 9) (EBin Shl U64 (EConst 1) (EConst 4))) (EConst 0)) (ECmp Eq (EVar 7) (EConst 0))) (ECmp Eq (EBin And U64 (EVar 10) (EConst 256)) (EConst 0)))
    (SCall None "zcr_write" [(EBin And U64 (EVar 9) (EConst 15))];;
    SCall None "cptr_write" [(EBin And U64 (EConst 1074804735) (EBNot U64 (EBin Or U64 (EConst 1024) (EConst 256))))])
    (SCall None "cptr_write" [(ECond (ECmp Ne (EVar 7) (EConst 0)) (EBin And U64 (EConst 1074804735) (EBNot U64 (EConst 1024))) (EConst 1074804735))]);;
  SCall (Some 10) "host_mdcr" [];;
  SCall None "mdcr_write" [(EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 10) (EConst 31)) (EConst 544352)) (EBin And U64 (EVar 8) (EBin Shl U64 (EConst 1) (EConst 8))))];;
  SCall (Some 10) "host_cnthctl" [];;
  SCall None "cnthctl_write" [(EBin Or U64 (EBin And U64 (EVar 10) (EBNot U64 (EBin Or U64 (EBin Shl U64 (EConst 1) (EConst 0)) (EConst 2)))) (EBin And U64 (EBin Shl U64 (EConst 1) (EConst 0)) (EBNot U64 (EVar 8))))];;
  SCall (Some 10) "s2_vttbr" [(EVar 4)];;
  SCall None "vttbr_write" [(EVar 10)];;
  SReturn (Some (EVar 5))).

(* hc_vcpu_run: 0=vcpu 1=cpu 2=here 3=gic 4=profiling 5=type 6=page 7=context 8=flags 9=power 10=hcr 11=v *)
Definition f_hc_vcpu_run : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "cpu_id" [];;
  SCall (Some 2) "get_cpu_vcpu" [(EVar 1)];;
  SCall (Some 3) "get_has_gicv3" [];;
  SCall (Some 4) "get_has_profiling" [];;
  SIf (ECmp Ge (EVar 0) (EBin Mul U64 (EConst 256) (EConst 16)))
    (SReturn (Some (EConst 18446744073709551594)))
    (SSkip);;
  SIf (ECmp Ne (EVar 2) (EVar 0))
    (SReturn (Some (EConst 18446744073709551489)))
    (SSkip);;
  SCall (Some 5) "get_vm_type" [(EBin Div U64 (EVar 0) (EConst 16))];;
  SCall (Some 6) "get_vcpu_page" [(EVar 0)];;
  SCall (Some 7) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 8) "page_load" [(EVar 6); (EConst 488)];;
  SCall (Some 11) "run_check" [(EVar 0); (EVar 5); (EVar 8)];;
  SIf (ECmp Ne (EVar 11) (EConst 0))
    (SReturn (Some (EVar 11)))
    (SSkip);;
  SCall None "page_store" [(EVar 6); (EConst 488); (EConst 0)];;
  SIf (ECmp Ne (EVar 4) (EConst 0))
    (SCall None "profiling_stop" [(EVar 4)])
    (SSkip);;
  SCall (Some 11) "host_context" [];;
  SCall None "el1_save" [(EVar 11)];;
  SIf (ECmp Eq (EVar 5) (EConst 1))
    (SCall (Some 9) "get_vcpu_power" [(EVar 0)];;
    SIf (ECmp Eq (EVar 9) (EConst 2))
      (SCall None "vcpu_boot" [(EVar 0); (EVar 7)])
      (SSkip);;
    SCall None "el1_load" [(EVar 7)];;
    SCall None "enter_apply" [(EVar 0); (EVar 8)])
    (SCall None "el1_load" [(EVar 7)]);;
  SCall (Some 10) "guest_controls" [(EVar 1); (EVar 0); (EVar 5); (EVar 6)];;
  SCall (Some 11) "page_load" [(EVar 7); (EConst 248)];;
  SCall None "elr_write" [(EVar 11)];;
  SCall (Some 11) "page_load" [(EVar 7); (EConst 256)];;
  SIf (ECmp Ne (EBin And U64 (EVar 10) (EBin Shl U64 (EConst 1) (EConst 31))) (EConst 0))
    (SCall (Some 11) "pstate_sanitise" [(EVar 11); (EVar 5)])
    (SCall (Some 11) "pstate_aarch32" [(EVar 11)]);;
  SCall None "spsr_write" [(EVar 11)];;
  SIf (ECmp Ne (EVar 3) (EConst 0))
    (SCall None "gic_lrs_load" [(EVar 6)])
    (SSkip);;
  SCall None "guest_select" [(EVar 7)];;
  SReturn (Some (EConst 0))).

(* fp_release: 0=cpu 1=vcpu 2=fp 3=context 4=v *)
Definition f_fp_release : fundef := mkfun 2 [U64; U64; U64; U64; U64] None (
  SCall (Some 2) "get_cpu_fp" [(EVar 0)];;
  SIf (ECmp Ne (EVar 2) (EConst 0))
    (SCall (Some 4) "host_cptr" [];;
    SCall None "cptr_write" [(EVar 4)];;
    SCall None "isb" [];;
    SCall (Some 3) "get_vcpu_context" [(EVar 1)];;
    SCall None "fp_save" [(EVar 3)];;
    SCall None "fp_clear" [];;
    SCall None "set_cpu_fp" [(EVar 0); (EConst 0)])
    (SSkip)).

(* host_fp_trap: 0=cpu 1=vcpu *)
Definition f_host_fp_trap : fundef := mkfun 1 [U64; U64] None (
  SCall (Some 1) "get_cpu_vcpu" [(EVar 0)];;
  SCall None "fp_release" [(EVar 0); (EVar 1)]).

(* guest_fp_trap: 0=cpu 1=vcpu 2=context 3=hcr 4=v *)
Definition f_guest_fp_trap : fundef := mkfun 2 [U64; U64; U64; U64; U64] None (
  SCall (Some 2) "get_vcpu_context" [(EVar 1)];;
  SCall (Some 3) "hcr_read" [];;
  SCall None "cptr_write" [(EBin And U64 (EConst 1074804735) (EBNot U64 (EConst 1024)))];;
  SCall None "isb" [];;
  SCall None "fp_load" [(EVar 2)];;
  SCall None "set_cpu_fp" [(EVar 0); (EConst 1)];;
  SIf (ECmp Eq (EBin And U64 (EVar 3) (EBin Shl U64 (EConst 1) (EConst 31))) (EConst 0))
    (SCall (Some 4) "page_load" [(EVar 2); (EConst 832)];;
    SCall None "fpexc_write" [(EVar 4)])
    (SSkip)).

(* guest_resume: 0=context 1=v *)
Definition f_guest_resume : fundef := mkfun 1 [U64; U64] None (
  SCall (Some 1) "page_load" [(EVar 0); (EConst 248)];;
  SCall None "elr_write" [(EVar 1)];;
  SCall (Some 1) "page_load" [(EVar 0); (EConst 256)];;
  SCall (Some 1) "pstate_sanitise" [(EVar 1); (EConst 1)];;
  SCall None "spsr_write" [(EVar 1)]).

(* exit_protected: 0=vcpu 1=esr 2=far 3=hpfar 4=context 5=ec 6=done *)
Definition f_exit_protected : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 4) "get_vcpu_context" [(EVar 0)];;
  SAssign 5 (EBin Shr U64 (EVar 1) (EConst 26));;
  SAssign 6 (EConst 0);;
  SIf (ECmp Eq (EVar 5) (EConst 1))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ELOr (ECmp Eq (EVar 5) (EConst 32)) (ECmp Eq (EVar 5) (EConst 36)))
    (SCall (Some 6) "guest_abort" [(EVar 0); (EVar 1); (EVar 2); (EVar 3)])
    (SIf (ECmp Eq (EVar 5) (EConst 22))
      (SCall (Some 6) "guest_hvc" [(EVar 0)])
      (SIf (ECmp Eq (EVar 5) (EConst 24))
        (SCall (Some 6) "guest_sysreg" [(EVar 0); (EVar 1)])
        (SIf (ECmp Eq (EVar 5) (EConst 23))
          (SCall None "page_store" [(EVar 4); (EBin Mul U64 (EConst 0) (EConst 8)); (EConst 18446744073709551615)];;
          SCall None "guest_advance" [(EVar 4)];;
          SAssign 6 (EConst 1))
          (SCall None "guest_undefined" [(EVar 4)];;
          SAssign 6 (EConst 1)))));;
  SIf (ECmp Ne (EVar 6) (EConst 0))
    (SCall None "guest_resume" [(EVar 4)])
    (SSkip);;
  SReturn (Some (EVar 6))).

(* exit_vendor: 0=vcpu 1=esr 2=context 3=r *)
Definition f_exit_vendor : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vcpu_context" [(EVar 0)];;
  SIf (ECmp Ne (EBin Shr U64 (EVar 1) (EConst 26)) (EConst 22))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 3) "guest_vendor" [(EVar 0)];;
  SIf (ECmp Eq (EVar 3) (EConst 1))
    (SCall None "guest_resume" [(EVar 2)])
    (SSkip);;
  SReturn (Some (EVar 3))).

(* missing_page: 0=vcpu 1=context 2=ipa *)
Definition f_missing_page : fundef := mkfun 1 [U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SReturn (Some (EBin Shl U64 (EBin Shr U64 (EVar 2) (EConst 12)) (EConst 4)))).

(* count_exit: 0=cpu 1=ec *)
Definition f_count_exit : fundef := mkfun 2 [U64; U64] None (
  SIf (ELOr (ECmp Eq (EVar 1) (EConst 22)) (ECmp Eq (EVar 1) (EConst 23)))
    (SCall None "stat_add" [(EVar 0); (EConst 3)])
    (SIf (ELOr (ECmp Eq (EVar 1) (EConst 36)) (ECmp Eq (EVar 1) (EConst 32)))
      (SCall None "stat_add" [(EVar 0); (EConst 5)])
      (SIf (ECmp Eq (EVar 1) (EConst 24))
        (SCall None "stat_add" [(EVar 0); (EConst 4)])
        (SIf (ECmp Eq (EVar 1) (EConst 1))
          (SCall None "stat_add" [(EVar 0); (EConst 2)])
          (SIf (ECmp Eq (EVar 1) (EConst 7))
            (SCall None "stat_add" [(EVar 0); (EConst 6)])
            (SCall None "stat_add" [(EVar 0); (EConst 7)])))))).

(* hpfar_needed: 0=esr 1=ec *)
Definition f_hpfar_needed : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EBin Shr U64 (EVar 0) (EConst 26));;
  SIf (ELAnd (ELAnd (ELOr (ECmp Eq (EVar 1) (EConst 36)) (ECmp Eq (EVar 1) (EConst 32))) (ECmp Eq (EBin And U64 (EVar 0) (EConst 60)) (EConst 12))) (ECmp Eq (EBin And U64 (EVar 0) (EConst 128)) (EConst 0)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* host_return: 0=cpu 1=vcpu 2=code 3=page 4=context 5=gic 6=fp 7=profiling 8=v 9=hcr *)
Definition f_host_return : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "get_vcpu_page" [(EVar 1)];;
  SCall (Some 4) "get_vcpu_context" [(EVar 1)];;
  SCall (Some 5) "get_has_gicv3" [];;
  SCall (Some 6) "get_cpu_fp" [(EVar 0)];;
  SCall (Some 7) "get_has_profiling" [];;
  SCall (Some 8) "page_load" [(EVar 3); (EConst 480)];;
  SCall (Some 9) "hcr_read" [];;
  SIf (ECmp Ne (EBin And U64 (EVar 8) (EBin Shl U64 (EConst 1) (EConst 8))) (EConst 0))
    (SCall None "page_store" [(EVar 3); (EConst 480); (EBin Or U64 (EBin And U64 (EVar 8) (EBNot U64 (EBin Shl U64 (EConst 1) (EConst 8)))) (EBin And U64 (EVar 9) (EBin Shl U64 (EConst 1) (EConst 8))))])
    (SSkip);;
  SIf (ECmp Eq (EBin And U64 (EVar 9) (EBin Shl U64 (EConst 1) (EConst 31))) (EConst 0))
    (SCall None "aarch32_leave" [(EVar 3); (EVar 6)])
    (SSkip);;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SCall None "gic_lrs_save" [(EVar 3)])
    (SSkip);;
  SCall None "el1_save" [(EVar 4)];;
  SCall (Some 8) "host_cnthctl" [];;
  SCall None "cnthctl_write" [(EVar 8)];;
  SCall (Some 8) "host_mdcr" [];;
  SCall None "mdcr_write" [(EVar 8)];;
  SCall (Some 8) "host_cptr" [];;
  SCall None "cptr_write" [(ECond (ECmp Ne (EVar 6) (EConst 0)) (EBin Or U64 (EBin Or U64 (EBin Or U64 (EVar 8) (EConst 1024)) (EConst 256)) (EConst 4096)) (EVar 8))];;
  SCall (Some 8) "host_vmpidr" [];;
  SCall None "vmpidr_write" [(EVar 8)];;
  SCall (Some 8) "host_hcr" [];;
  SCall None "hcr_write" [(EVar 8)];;
  SCall (Some 8) "s2_vttbr" [(EConst 0)];;
  SCall None "vttbr_write" [(EVar 8)];;
  SCall (Some 8) "host_context" [];;
  SCall None "el1_load" [(EVar 8)];;
  SIf (ECmp Ne (EVar 7) (EConst 0))
    (SCall None "profiling_resume" [(EVar 7)])
    (SSkip);;
  SCall None "host_x_set" [(EConst 0); (EVar 2)];;
  SCall None "host_select" []).

(* exit_syndrome: 0=vcpu 1=type 2=esr 3=far 4=hpfar 5=page *)
Definition f_exit_syndrome : fundef := mkfun 5 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 5) "get_vcpu_page" [(EVar 0)];;
  SIf (ECmp Eq (EVar 1) (EConst 1))
    (SCall None "exit_release" [(EVar 0); (EVar 2); (EVar 3); (EVar 4)];;
    SReturn None)
    (SSkip);;
  SCall None "page_store" [(EVar 5); (EConst 512); (EVar 2)];;
  SCall None "page_store" [(EVar 5); (EConst 520); (EVar 3)];;
  SCall None "page_store" [(EVar 5); (EConst 528); (EVar 4)]).

(* exit_asynchronous: 0=cpu 1=vcpu 2=kind 3=type 4=page 5=ras 6=v *)
Definition f_exit_asynchronous : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "get_vm_type" [(EBin Div U64 (EVar 1) (EConst 16))];;
  SCall (Some 4) "get_vcpu_page" [(EVar 1)];;
  SCall (Some 5) "get_has_ras" [];;
  SCall None "stat_add" [(EVar 0); (ECast U64 (ECond (ECmp Eq (EVar 2) (EConst 1)) (EConst 0) (EConst 1)))];;
  SIf (ECmp Eq (EVar 3) (EConst 1))
    (SCall None "set_vcpu_pending" [(EVar 1); (EConst 0)])
    (SSkip);;
  SCall None "page_store" [(EVar 4); (EConst 512); (EConst 0)];;
  SIf (ELAnd (ECmp Eq (EVar 2) (EConst 2)) (ECmp Ne (EVar 5) (EConst 0)))
    (SCall (Some 6) "vdisr_read" [];;
    SCall None "page_store" [(EVar 4); (EConst 536); (EVar 6)])
    (SSkip);;
  SCall None "host_return" [(EVar 0); (EVar 1); (ECond (ECmp Eq (EVar 2) (EConst 1)) (EConst 0) (EConst 1))];;
  SReturn (Some (EConst 0))).

(* guest_exit: 0=kind 1=cpu 2=vcpu 3=esr 4=far 5=hpfar 6=fp 7=type 8=v 9=(result) *)
Definition f_guest_exit : fundef := mkfun 1 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "cpu_id" [];;
  SCall (Some 2) "get_cpu_vcpu" [(EVar 1)];;
  SCall (Some 3) "esr_read" [];;
  SCall (Some 4) "far_read" [];;
  SCall (Some 5) "hpfar_read" [];;
  SCall (Some 6) "get_cpu_fp" [(EVar 1)];;
  SIf (ECmp Eq (EVar 2) (EConst 4294967295))
    (SCall None "halt" [(EConst 259); (EVar 3)])
    (SSkip);;
  SIf (ECmp Ne (EVar 0) (EConst 0))
    (SCall (Some 9) "exit_asynchronous" [(EVar 1); (EVar 2); (EVar 0)];;
    SReturn (Some (EVar 9)))
    (SSkip);;
  SCall None "count_exit" [(EVar 1); (EBin Shr U64 (EVar 3) (EConst 26))];;
  SIf (ELAnd (ECmp Eq (EBin Shr U64 (EVar 3) (EConst 26)) (EConst 7)) (ECmp Eq (EVar 6) (EConst 0)))
    (SCall None "guest_fp_trap" [(EVar 1); (EVar 2)];;
    SCall None "stat_add" [(EVar 1); (EConst 8)];;
    SReturn (Some (EConst 1)))
    (SSkip);;
  SCall (Some 8) "hpfar_needed" [(EVar 3)];;
  SIf (ECmp Ne (EVar 8) (EConst 0))
    (SCall (Some 8) "translate_el1" [(EVar 4)];;
    SIf (ECmp Ne (EBin And U64 (EVar 8) (EConst 1)) (EConst 0))
      (SReturn (Some (EConst 1)))
      (SSkip);;
    SAssign 5 (EBin Shl U64 (EBin And U64 (EBin Shr U64 (EVar 8) (EConst 12)) (EConst 268435455)) (EConst 4)))
    (SSkip);;
  SCall (Some 7) "get_vm_type" [(EBin Div U64 (EVar 2) (EConst 16))];;
  SIf (ECmp Eq (EVar 7) (EConst 1))
    (SCall (Some 8) "exit_vendor" [(EVar 2); (EVar 3)];;
    SIf (ECmp Eq (EVar 8) (EConst 0))
      (SCall (Some 8) "exit_protected" [(EVar 2); (EVar 3); (EVar 4); (EVar 5)])
      (SSkip);;
    SIf (ECmp Eq (EVar 8) (EConst 1))
      (SCall None "stat_add" [(EVar 1); (EConst 8)];;
      SReturn (Some (EConst 1)))
      (SSkip);;
    SIf (ECmp Eq (EVar 8) (EConst 2))
      (SAssign 3 (EConst 2449473543);;
      SCall (Some 5) "missing_page" [(EVar 2)])
      (SSkip))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 7) (EConst 1)) (ECmp Eq (EBin Shr U64 (EVar 3) (EConst 26)) (EConst 22)))
    (SAssign 3 (EConst 1509949440))
    (SSkip);;
  SCall None "exit_syndrome" [(EVar 2); (EVar 7); (EVar 3); (EVar 4); (EVar 5)];;
  SCall None "host_return" [(EVar 1); (EVar 2); (EConst 2)];;
  SReturn (Some (EConst 0))).

Definition m_run : modul := [
  ("pstate_sanitise", f_pstate_sanitise);
  ("pstate_aarch32", f_pstate_aarch32);
  ("vcpu_boot", f_vcpu_boot);
  ("run_check", f_run_check);
  ("hcr_normal", f_hcr_normal);
  ("aarch32_enter", f_aarch32_enter);
  ("aarch32_leave", f_aarch32_leave);
  ("guest_controls", f_guest_controls);
  ("hc_vcpu_run", f_hc_vcpu_run);
  ("fp_release", f_fp_release);
  ("host_fp_trap", f_host_fp_trap);
  ("guest_fp_trap", f_guest_fp_trap);
  ("guest_resume", f_guest_resume);
  ("exit_protected", f_exit_protected);
  ("exit_vendor", f_exit_vendor);
  ("missing_page", f_missing_page);
  ("count_exit", f_count_exit);
  ("hpfar_needed", f_hpfar_needed);
  ("host_return", f_host_return);
  ("exit_syndrome", f_exit_syndrome);
  ("exit_asynchronous", f_exit_asynchronous);
  ("guest_exit", f_guest_exit)].
